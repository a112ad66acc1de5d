# expect: WA
# never: splice, vmsplice, tee or memfd can be used, each part of a past escape

import ctypes
import errno
import os

MACHINE = os.uname().machine
libc = ctypes.CDLL(None, use_errno=True)


def refused(numbers, *arguments):
    """Returns whether this machine's system call of that number is refused before its arguments are read."""
    ctypes.set_errno(0)
    result = libc.syscall(numbers[MACHINE], *arguments)
    return result == -1 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)


out, into = os.pipe()
CALLS = (({"x86_64": 275, "aarch64": 76}, out, 0, into, 0, 1, 0), ({"x86_64": 278, "aarch64": 75}, into, 0, 0, 0), ({"x86_64": 276, "aarch64": 77}, out, into, 1, 2),
         ({"x86_64": 319, "aarch64": 279}, b"x", 0), ({"x86_64": 447, "aarch64": 447}, 0), ({"x86_64": 237, "aarch64": 235}, 0, 0, 0, 0, 0, 0), ({"x86_64": 256, "aarch64": 238}, 0, 0, 0, 0))
reached = [numbers for numbers, *arguments in CALLS if not refused(numbers, *arguments)]
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
