# expect: WA
# never: a socket of any family but AF_UNIX can be created

import socket

reached = []
for family in range(50):
    if family == socket.AF_UNIX:
        continue
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try:
            socket.socket(family, kind).close()
            reached.append(family)
        except OSError:
            pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
