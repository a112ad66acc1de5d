# expect: AC
# never: a right answer is lost because the agent then exits with an error status

import sys

print("def reverse_string(s):\n    return s[::-1]")
print("no harm meant", file=sys.stderr)
exit(3)
