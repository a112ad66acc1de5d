# expect: WA
# never: a process that the agent left behind is still running when its answer is called

import os
import signal
import socket
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        server = socket.socket(socket.AF_UNIX)
        server.bind("\0helper")
        server.listen()
        while True:
            time.sleep(1)
    os._exit(0)
time.sleep(0.2)

print("""
import os
import socket

client, there = socket.socket(socket.AF_UNIX), True
try:
    client.connect(chr(0) + "helper")
except OSError:
    there = False
others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, os.getpid())]


def reverse_string(s):
    return s[::-1] if there or others else "held"
""")
