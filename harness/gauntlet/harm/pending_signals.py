# expect: WA
# at once: 2
# never: one agent exhausts a resource that the kernel counts per user, and another agent or the driver lacks it

import ctypes
import os
import signal
import time

libc = ctypes.CDLL(None, use_errno=True)
signal.pthread_sigmask(signal.SIG_BLOCK, range(34, 65))
files = []
try:
    for number in range(34, 65):
        for _ in range(1000):
            os.kill(os.getpid(), number)
    while True:
        files.append(os.pipe())
except OSError:
    pass
time.sleep(0.5)
print("def reverse_string(s):\n    return 'held'", flush=True)
