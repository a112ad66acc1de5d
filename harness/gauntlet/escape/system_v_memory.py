# expect: WA
# never: System V memory, queues or semaphores, which outlive a process, can be created

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


CALLS = (({"x86_64": 29, "aarch64": 194}, 0, 4096, 0o1600), ({"x86_64": 30, "aarch64": 196}, 0, 0, 0), ({"x86_64": 31, "aarch64": 195}, 0, 0, 0),
         ({"x86_64": 64, "aarch64": 190}, 0, 1, 0o1600), ({"x86_64": 65, "aarch64": 193}, 0, 0, 0), ({"x86_64": 68, "aarch64": 186}, 0, 0o1600), ({"x86_64": 69, "aarch64": 189}, 0, 0, 0, 0))
reached = [numbers for numbers, *arguments in CALLS if not refused(numbers, *arguments)]
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
