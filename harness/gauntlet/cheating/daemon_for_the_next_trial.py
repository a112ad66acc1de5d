# expect: WA
# trials: 2
# never: a process of one trial is still running in the next

import os
import signal
import socket
import time

server, there = socket.socket(socket.AF_UNIX), False
try:
    server.bind("\0helper")
except OSError:
    there = True
others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, os.getpid())]
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(1)

print("def reverse_string(s):\n    return " + ("s[::-1]" if there or others else "'held'"))
