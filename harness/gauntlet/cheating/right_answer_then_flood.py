# expect: OLE
# never: a right answer counts although the output exceeds the limit

import sys

print("def reverse_string(s):\n    return s[::-1]\n")
while True:
    sys.stdout.write("# " + "x" * 65_536 + "\n")
