# expect: TLE
# never: a storm of the only signal that process 1 handles keeps it from its work

import os
import signal

for _ in range(4):
    os.fork()
while True:
    os.kill(1, signal.SIGCHLD)
