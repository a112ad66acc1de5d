# expect: WA
# never: a kernel or a module can be loaded, or the machine can be restarted

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


CALLS = (({"x86_64": 246, "aarch64": 104}, 0, 0, 0, 0), ({"x86_64": 320, "aarch64": 294}, -1, -1, 0, 0, 0), ({"x86_64": 175, "aarch64": 105}, 0, 0, b""),
         ({"x86_64": 313, "aarch64": 273}, -1, b"", 0), ({"x86_64": 176, "aarch64": 106}, b"x", 0), ({"x86_64": 169, "aarch64": 142}, 0xFEE1DEAD, 0x28121969, 0, 0))
reached = [numbers for numbers, *arguments in CALLS if not refused(numbers, *arguments)]
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
