# expect: WA
# never: the kernel's crypto API can be reached through a socket (AF_ALG)

import socket

reached = False
try:
    with socket.socket(38, socket.SOCK_SEQPACKET) as cipher:
        cipher.bind(("hash", "sha256"))
        reached = True
except OSError:
    pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
