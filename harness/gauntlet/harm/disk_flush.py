# expect: WA
# never: an agent makes the host flush its disks

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
root = os.open("/", os.O_RDONLY)
flushed = any([libc.syncfs(root) == 0, libc.posix_fadvise(root, 0, 0, 4) == 0])
print("def reverse_string(s):\n    return " + ("s[::-1]" if flushed else "'held'"))
