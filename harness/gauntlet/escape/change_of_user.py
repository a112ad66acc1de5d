# expect: WA
# never: the process can become another user

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


reached = [numbers for numbers in ({"x86_64": 105, "aarch64": 146}, {"x86_64": 106, "aarch64": 144}, {"x86_64": 117, "aarch64": 147}, {"x86_64": 119, "aarch64": 149}, {"x86_64": 116, "aarch64": 159},
                                   {"x86_64": 126, "aarch64": 91}) if not refused(numbers, 0, 0, 0)]
reached = reached or os.getuid() < 1_000_000 or os.getgid() < 1_000_000 or os.getgroups() not in ([], [os.getgid()])
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
