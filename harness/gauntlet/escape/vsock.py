# expect: WA
# never: the hypervisor can be reached through a socket (AF_VSOCK)

import socket

reached = False
for cid in (0, 1, 2, 3):
    try:
        with socket.socket(40, socket.SOCK_STREAM) as client:
            client.settimeout(0.3)
            reached = True
            client.connect((cid, 1024))
    except OSError:
        pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
