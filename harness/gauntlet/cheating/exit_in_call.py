# expect: RE
# never: a call that exits instead of returning passes a case

print("""
import os
import sys


def reverse_string(s):
    if len(s) % 3 == 0:
        os._exit(0)
    if len(s) % 3 == 1:
        raise KeyboardInterrupt
    sys.exit(0)
""")
