# expect: OLE
# never: an answer of one byte over the maximum size is truncated and judged

import sys

answer = "def reverse_string(s):\n    return s[::-1]\n#"
sys.stdout.write(answer + "x" * ((256 << 10) + 1 - len(answer)))
