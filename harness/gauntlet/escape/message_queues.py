# expect: WA
# never: POSIX message queues, which outlive a process, can be created

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


reached = not refused({"x86_64": 240, "aarch64": 180}, b"queue", 0o102, 0o600, 0)
reached = reached or not refused({"x86_64": 241, "aarch64": 181}, b"queue")
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
