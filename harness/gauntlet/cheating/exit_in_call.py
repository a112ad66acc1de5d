# expect: RE
# never: a call that leaves instead of returning counts as having passed

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
