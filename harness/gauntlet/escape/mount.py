# expect: WA
# never: a file system can be mounted or moved, or a file opened by handle

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
CALLS = (({"x86_64": 165, "aarch64": 40}, b"none", b"/work", b"tmpfs", 0, 0), ({"x86_64": 166, "aarch64": 39}, b"/proc", 2),
         ({"x86_64": 155, "aarch64": 41}, b".", b"."), ({"x86_64": 430, "aarch64": 430}, b"tmpfs", 0), ({"x86_64": 428, "aarch64": 428}, -100, b"/", 0),
         ({"x86_64": 429, "aarch64": 429}, -100, b"/", -100, b"/work", 0), ({"x86_64": 304, "aarch64": 265}, -100, 0, 0),
         ({"x86_64": 303, "aarch64": 264}, -100, b"/", 0, 0, 0), ({"x86_64": 442, "aarch64": 442}, -100, b"/", 0, 0, 0))
for numbers, *arguments in CALLS:
    if not refused(numbers, *arguments):
        reached.append(numbers)
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
