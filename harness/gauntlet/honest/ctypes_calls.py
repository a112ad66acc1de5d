# expect: AC
# never: ctypes does not work

WORK = """
import ctypes

libc = ctypes.CDLL(None)
assert libc.abs(-3) == 3
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
numbers = (ctypes.c_int * 3)(3, 1, 2)
libc.qsort(numbers, 3, 4, compare(lambda a, b: a[0] - b[0]))
assert list(numbers) == [1, 2, 3]
"""

exec(WORK)
print(WORK)
print("def reverse_string(s):\n    return s[::-1]")
