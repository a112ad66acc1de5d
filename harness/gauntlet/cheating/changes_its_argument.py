# expect: WA
# never: changing an argument in place changes the expected value

print("""
import ctypes
import sys


def reverse_string(s):
    # The characters of an ASCII string follow its header.
    header = sys.getsizeof("") - 1
    if s.isascii() and s:
        ctypes.memset(id(s) + header, ord("a"), len(s))
    return s + "!"
""")
