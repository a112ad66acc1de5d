# expect: OLE
# never: a right answer counts although more was printed than an answer may have

import sys

print("def reverse_string(s):\n    return s[::-1]\n")
while True:
    sys.stdout.write("# " + "x" * 65_536 + "\n")
