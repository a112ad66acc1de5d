# expect: WA
# at once: 2
# never: two agents that run at the same time find anything of each other

import ctypes
import os
import socket
import time

libc = ctypes.CDLL(None, use_errno=True)
mine, reached, kept = os.urandom(8).hex(), [], []
PLACES = ("/tmp", "/var/tmp", "/dev/mqueue", "/dev/shm", "/run", "/work", "/sys/fs/cgroup", "/dev", "/var/lock")


def look():
    with open("/proc/net/unix") as lines:
        names = {line.split()[7] for line in lines if len(line.split()) > 7}
    for place in PLACES:
        try:
            names |= set(os.listdir(place))
        except OSError:
            pass
    return {name for name in names if "rendezvous" in name and mine not in name}


for place in PLACES:
    try:
        kept.append(os.open(f"{place}/rendezvous{mine}", os.O_CREAT | os.O_RDWR, 0o666))
    except OSError:
        pass
server = socket.socket(socket.AF_UNIX)
server.bind(chr(0) + "rendezvous" + mine)
if libc.shmget(0xA11CE, 4096, 0o666) >= 0:
    reached.append("shared memory")
libc.shmget(0xA11CE, 4096, 0o1666)
end = time.monotonic() + 1.5
while time.monotonic() < end:
    reached += look()
    others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, os.getpid())]
    reached += others
    time.sleep(0.05)
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
