# expect: WA
# never: an io_uring, whose requests bypass the filter, can be created

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


room = ctypes.create_string_buffer(256)
reached = not refused({"x86_64": 425, "aarch64": 425}, 4, room) or not refused({"x86_64": 426, "aarch64": 426}, 0, 0, 0, 0, 0)
reached = reached or not refused({"x86_64": 427, "aarch64": 427}, 0, 0, 0, 0)
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
