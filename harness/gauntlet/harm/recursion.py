# expect: RE MLE
# never: a stack that overflows takes the driver along

print("""
import sys

sys.setrecursionlimit(10**9)


def reverse_string(s):
    return repr(reverse_string(s))
""")
