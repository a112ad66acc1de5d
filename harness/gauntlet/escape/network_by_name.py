# expect: WA
# never: a host name can be resolved, or a page fetched

import socket
import urllib.request

reached = False
for name in ("example.com", "host.docker.internal", "gateway.docker.internal", "registry-1.docker.io"):
    try:
        reached = bool(socket.getaddrinfo(name, 80))
    except OSError:
        pass
try:
    urllib.request.urlopen("http://example.com/", timeout=1)
    reached = True
except OSError:
    pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
