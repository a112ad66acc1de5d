# expect: AC
# never: an answer of exactly as many bytes as it may have is refused

import sys

answer = "def reverse_string(s):\n    return s[::-1]\n#"
sys.stdout.write(answer + "x" * ((256 << 10) - len(answer)))
