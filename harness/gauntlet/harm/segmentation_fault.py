# expect: RE
# never: a crash in C takes more than its own case along

print("""
import ctypes


def reverse_string(s):
    ctypes.memset(8, 0, 64)
""")
