# expect: WA
# never: files can be watched with inotify or fanotify

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


reached = not refused({"x86_64": 294, "aarch64": 26}, 0) or not refused({"x86_64": 300, "aarch64": 262}, 0, 0) or not refused({"x86_64": 206, "aarch64": 0}, 1, 0)
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
