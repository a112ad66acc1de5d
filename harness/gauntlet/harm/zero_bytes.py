# expect: NS
# never: an answer with zero bytes is truncated at the first and judged

import sys

sys.stdout.write("def reverse_string(s):\n    return s[::-1]\n\0")
