# expect: WA
# never: performance counters, which observe other containers, can be read

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


room = ctypes.create_string_buffer(128)
reached = not refused({"x86_64": 298, "aarch64": 241}, room, 0, -1, -1, 0)
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
