# expect: RE MLE
# never: a stack overflow breaks the driver

print("""
import sys

sys.setrecursionlimit(10**9)


def reverse_string(s):
    return repr(reverse_string(s))
""")
