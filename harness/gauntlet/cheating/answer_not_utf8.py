# expect: NS
# never: an answer that is not UTF-8 is repaired into one that is

import sys

sys.stdout.buffer.write(b"def reverse_string(s):\n    return s[::-1]\n# \xff\xfe\n")
