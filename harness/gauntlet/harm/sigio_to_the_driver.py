# expect: WA
# never: SIGIO from a file that is registered to process 1 ends or stops it

print("""
import fcntl
import os
import socket


def reverse_string(s):
    for number in range(65):
        reader, writer = socket.socketpair()
        try:
            fcntl.fcntl(reader, fcntl.F_SETOWN, 1)
            fcntl.fcntl(reader, 10, number)  # F_SETSIG
            fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
            writer.send(b"x")
            writer.send(b"x", socket.MSG_OOB)
        except OSError:
            pass
        reader.close()
        writer.close()
    return "held"
""")
