# expect: NS
# never: an answer that is no UTF-8 is mended into one

import sys

sys.stdout.buffer.write(b"def reverse_string(s):\n    return s[::-1]\n# \xff\xfe\n")
