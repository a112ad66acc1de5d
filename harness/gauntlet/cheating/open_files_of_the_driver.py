# expect: WA
# never: the answer's process still has the driver's connection to the host open

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
    # Only the pipe for outcomes may be open.
    return s[::-1] if len(open_files()) > 1 else "held"
""")
