# expect: WA
# never: the process that runs the answer still holds the driver's line to the host

print("""
import os
import sys

DRIVER = sys.modules["__main__"]


def open_files():
    found = []
    for number in range(3, 256):
        try:
            os.fstat(number)
            found.append(number)
        except OSError:
            pass
    return found


def reverse_string(s):
    # One pipe for outcomes is all that there may be.
    return s[::-1] if len(open_files()) > 1 else "held"
""")
