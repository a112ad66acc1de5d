# expect: WA
# never: an argument that was changed in place changes what is expected

print("""
import ctypes
import sys


def reverse_string(s):
    # The characters of an ASCII string stand behind its header.
    header = sys.getsizeof("") - 1
    if s.isascii() and s:
        ctypes.memset(id(s) + header, ord("a"), len(s))
    return s + "!"
""")
