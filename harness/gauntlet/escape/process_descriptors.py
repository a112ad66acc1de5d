# expect: WA
# never: another process can be held by a descriptor, and its files be duplicated

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


reached = not refused({"x86_64": 434, "aarch64": 434}, 1, 0) or not refused({"x86_64": 438, "aarch64": 438}, 0, 0, 0)
reached = reached or not refused({"x86_64": 424, "aarch64": 424}, 0, 0, 0, 0) or not refused({"x86_64": 440, "aarch64": 440}, 0, 0, 0, 0, 0)
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
