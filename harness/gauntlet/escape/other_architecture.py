# expect: WA RE
# never: a system call in another architecture's form bypasses the filter

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


import mmap

reached = False
if MACHINE == "x86_64":
    # getpid through the 32-bit entry point: mov eax, 20; int 0x80; ret
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex("b814000000cd80c3"))
    child = os.fork()
    if child == 0:
        enter = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
        os._exit(1 if enter() == os.getpid() else 0)
    _, status = os.waitpid(child, 0)
    reached = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1
    # getpid through the x32 system call table
    reached = reached or libc.syscall(0x40000000 + 39) == os.getpid()
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
