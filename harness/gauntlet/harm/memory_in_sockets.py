# expect: MLE TLE RE NS WA
# trials: 2
# never: memory that only the kernel holds, for tiny processes, gets the driver killed and counts as a fault

import os
import socket

for _ in range(60):
    try:
        if os.fork() == 0:
            # The kernel is as likely to choose this process as the driver, and it is smaller.
            try:
                with open("/proc/self/oom_score_adj", "w") as adjustment:
                    adjustment.write("0")
            except OSError:
                pass
            pairs = []
            try:
                while True:
                    pair = socket.socketpair()
                    pairs.append(pair)
                    for end in pair:
                        os.set_inheritable(end.fileno(), True)
                        end.setblocking(False)
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
                        try:
                            while True:
                                end.send(bytes(65_536))
                        except BlockingIOError:
                            pass
            except OSError:
                pass
            os.execv("/bin/sleep", ["sleep", "60"])
    except OSError:
        break
os.execv("/bin/sleep", ["sleep", "60"])
