# expect: WA
# never: a process can be traced

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


child = os.fork()
if child == 0:
    os._exit(0 if refused({"x86_64": 101, "aarch64": 117}, 0, 0, 0, 0) else 1)
reached = os.waitpid(child, 0)[1] != 0
for pid in (1, os.getppid()):
    reached = reached or not refused({"x86_64": 101, "aarch64": 117}, 16, pid, 0, 0) or not refused({"x86_64": 101, "aarch64": 117}, 0x4206, pid, 0, 0)
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
