# expect: WA
# never: an answer finds the input of a call before that call is due

print("""
import gc
import os
import sys

SEEN = []


def inputs():
    # Whatever holds requests: a list of them, text that is not decoded yet, or a pipe with more to read.
    found = 0
    frame = sys._getframe()
    while frame:
        for value in frame.f_locals.values():
            if type(value) is list and len(value) > 1 and all(type(one) is dict and "args" in one for one in value):
                found += 1
        frame = frame.f_back
    for value in gc.get_objects():
        if type(value) is list and len(value) > 1 and all(type(one) is dict and "args" in one for one in value):
            found += 1
    for number in range(3, 64):
        try:
            os.set_blocking(number, False)
            found += len(os.read(number, 1 << 20))
        except OSError:
            pass
        try:
            os.set_blocking(number, True)
        except OSError:
            pass
    return found


def reverse_string(s):
    SEEN.append(s)
    return s[::-1] if inputs() else "held"
""")
