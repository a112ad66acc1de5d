# expect: WA
# never: an agent or its answer can lock memory, which is the driver's privilege

import ctypes

CHECK = """
import ctypes
import mmap
import resource

libc = ctypes.CDLL(None, use_errno=True)
block = mmap.mmap(-1, 1 << 16)
address = ctypes.addressof(ctypes.c_char.from_buffer(block))
calls = [lambda: libc.mlock(ctypes.c_void_p(address), 4096), lambda: libc.mlock2(ctypes.c_void_p(address), 4096, 0),
         lambda: libc.mlock2(ctypes.c_void_p(address), 4096, 1), lambda: libc.mlockall(3)]
LOCKED = [number for number, lock in enumerate(calls) if lock() == 0]
if resource.getrlimit(resource.RLIMIT_MEMLOCK) != (0, 0):
    LOCKED.append("limit")
"""
exec(CHECK)
print(CHECK)
print(f"def reverse_string(s):\n    return s[::-1] if LOCKED + {LOCKED!r} else 'held'")
