# expect: RE
# never: a crash in C code affects more than its own case

print("""
import ctypes


def reverse_string(s):
    ctypes.memset(8, 0, 64)
""")
