# expect: WA
# never: a cloud's metadata address, which serves credentials, can be reached

import socket

reached = False
for place in (("169.254.169.254", 80), ("100.100.100.200", 80), ("fd00:ec2::254", 80)):
    try:
        socket.create_connection(place, timeout=0.3).close()
        reached = True
    except OSError:
        pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
