# expect: WA
# never: an address can be reached: of the host, its bridge, another container or the internet

import socket

PLACES = [("172.17.0.1", 22), ("172.17.0.2", 80), ("10.0.0.1", 53), ("192.0.2.1", 80), ("127.0.0.1", 2375)]
reached = False
for place in PLACES:
    try:
        socket.create_connection(place, timeout=0.3).close()
        reached = True
    except ConnectionRefusedError:
        # Something refused the connection, unless it was this container's own loopback.
        reached = reached or not place[0].startswith("127.")
    except OSError:
        pass
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53))
    reached = True
except OSError:
    pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
