# expect: WA
# never: a new namespace can be created

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


FLAGS = (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000, 0x80)
reached = [flag for flag in FLAGS if not refused({"x86_64": 272, "aarch64": 97}, flag)]
reached += [pid for pid in (1, os.getpid()) if not refused({"x86_64": 308, "aarch64": 268}, pid, 0)]
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
