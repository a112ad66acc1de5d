# expect: MLE TLE RE NS WA
# never: the memory of pipes is not counted, or the driver can create no more pipes

import fcntl
import os

for _ in range(30):
    try:
        if os.fork() == 0:
            ends = []
            try:
                while True:
                    out, into = os.pipe2(os.O_NONBLOCK)
                    ends.append((out, into))
                    try:
                        fcntl.fcntl(into, 1031, 1 << 20)
                    except OSError:
                        pass
                    try:
                        while True:
                            os.write(into, bytes(65_536))
                    except BlockingIOError:
                        pass
            except OSError:
                pass
            os.execv("/bin/sleep", ["sleep", "60"])
    except OSError:
        break
os.wait()
