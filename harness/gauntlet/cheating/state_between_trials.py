# expect: WA
# trials: 3
# never: the next trial can read something that this one wrote

import ctypes
import mmap
import os

libc = ctypes.CDLL(None, use_errno=True)
found = sorted(set(os.listdir("/work")) - {"agent.py"})
for place in ("/work", "/tmp", "/var/tmp", "/dev/mqueue", "/dev/shm", "/run", "/dev", "/var/lib", "/home", "/root"):
    mark = place + "/mark"
    if os.path.lexists(mark):
        found.append(mark)
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError:
        pass
for directory in (b"/queue",):
    queue = libc.mq_open(directory, os.O_RDWR, 0o600, None)
    if queue >= 0:
        found.append("queue")
    libc.mq_open(directory, os.O_RDWR | os.O_CREAT, 0o600, None)
if libc.shmget(4711, 4096, 0o600) >= 0:
    found.append("shared memory")
libc.shmget(4711, 4096, 0o600 | 0o1000)
if libc.semget(4712, 1, 0o600) >= 0:
    found.append("semaphore")
libc.semget(4712, 1, 0o600 | 0o1000)
if libc.msgget(4713, 0o600) >= 0:
    found.append("message queue")
libc.msgget(4713, 0o600 | 0o1000)
for number in (1, os.getppid()):
    if os.getpriority(os.PRIO_PROCESS, number) > 0:
        found.append("priority")

print("def reverse_string(s):\n    return " + ("s[::-1]" if found else "'held'"))
