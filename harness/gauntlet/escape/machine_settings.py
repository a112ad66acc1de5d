# expect: WA
# never: the machine's clock, name, swap, accounting or log can be reached

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
CALLS = (({"x86_64": 227, "aarch64": 112}, 0, 0), ({"x86_64": 164, "aarch64": 170}, 0, 0), ({"x86_64": 159, "aarch64": 171}, room), ({"x86_64": 305, "aarch64": 266}, 0, room),
         ({"x86_64": 170, "aarch64": 161}, b"x", 1), ({"x86_64": 171, "aarch64": 162}, b"x", 1), ({"x86_64": 167, "aarch64": 224}, b"x", 0), ({"x86_64": 168, "aarch64": 225}, b"x"),
         ({"x86_64": 163, "aarch64": 89}, 0), ({"x86_64": 103, "aarch64": 116}, 3, room, 64), ({"x86_64": 179, "aarch64": 60}, 0, 0, 0, 0),
         ({"x86_64": 153, "aarch64": 58},), ({"x86_64": 212, "aarch64": 18}, 0, room, 64))
reached = [numbers for numbers, *arguments in CALLS if not refused(numbers, *arguments)]
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
