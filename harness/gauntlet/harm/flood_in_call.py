# expect: WA
# never: the output of a call is kept or reported anywhere

print("""
import os
import sys


def reverse_string(s):
    for _ in range(20):
        os.write(1, bytes(65_536))
        os.write(2, bytes(65_536))
        print("x" * 65_536)
        print("x" * 65_536, file=sys.stderr)
    return "held"
""")
