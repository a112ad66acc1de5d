# expect: WA
# never: one process can read or write another's memory

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
    import time

    time.sleep(5)
room = ctypes.create_string_buffer(64)
reached = []
for pid in (child, 1):
    for numbers in ({"x86_64": 310, "aarch64": 270}, {"x86_64": 311, "aarch64": 271}):
        if not refused(numbers, pid, room, 1, room, 1, 0):
            reached.append(numbers)
if not refused({"x86_64": 312, "aarch64": 272}, child, os.getpid(), 0, 0, 0):
    reached.append("kcmp")
os.kill(child, 9)
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
