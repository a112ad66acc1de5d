# expect: WA
# never: a program can handle its own page faults (userfaultfd)

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


reached = not refused({"x86_64": 323, "aarch64": 282}, 1) or not refused({"x86_64": 323, "aarch64": 282}, 0)
try:
    os.close(os.open("/dev/userfaultfd", os.O_RDWR))
    reached = True
except OSError:
    pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
