# expect: AC
# never: an answer of exactly the maximum size is rejected

import sys

answer = "def reverse_string(s):\n    return s[::-1]\n#"
sys.stdout.write(answer + "x" * ((256 << 10) - len(answer)))
