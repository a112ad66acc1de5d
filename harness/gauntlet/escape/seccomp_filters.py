# expect: WA
# never: a seccomp filter can be added, which could make the driver's calls fail

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


reached = not refused({"x86_64": 317, "aarch64": 277}, 0, 0, 0) or not refused({"x86_64": 317, "aarch64": 277}, 1, 0, 0)
reached = reached or not refused({"x86_64": 157, "aarch64": 167}, 22, 2, 0, 0, 0)
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
