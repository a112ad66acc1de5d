# expect: WA
# never: a process can be started in a new namespace

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


reached = []
for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000):
    ctypes.set_errno(0)
    pid = libc.syscall({"x86_64": 56, "aarch64": 220}[MACHINE], flag | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid > 0 or ctypes.get_errno() != errno.EPERM:
        reached.append(flag)
ctypes.set_errno(0)
libc.syscall({"x86_64": 435, "aarch64": 435}[MACHINE], 0, 0)
if ctypes.get_errno() != errno.ENOSYS:
    reached.append("clone3")
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
