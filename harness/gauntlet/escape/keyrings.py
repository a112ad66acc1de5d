# expect: WA
# never: the kernel's keyrings, which outlive a process and are shared per user, can be used

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


reached = not refused({"x86_64": 250, "aarch64": 219}, 0, -3, 1, 0, 0) or not refused({"x86_64": 249, "aarch64": 218}, b"user", 0, 0, 0)
reached = reached or not refused({"x86_64": 248, "aarch64": 217}, b"user", b"arena", b"x", 1, -3)
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
