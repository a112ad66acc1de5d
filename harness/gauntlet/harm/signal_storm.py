# expect: TLE
# never: a storm of the one signal that process 1 listens to keeps it from its work

import os
import signal

for _ in range(4):
    os.fork()
while True:
    os.kill(1, signal.SIGCHLD)
