# expect: WA
# never: a file that tells its owner when there is something to read ends or stops the driver, said to be the owner

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
