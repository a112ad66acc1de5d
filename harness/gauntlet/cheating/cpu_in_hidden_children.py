# expect: TLE
# never: the CPU time of children that are never waited for is not counted

print("""
import os
import signal
import time

signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def reverse_string(s):
    done, working = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            while time.process_time() < 0.9:
                pass
            os.write(working, b"x")
        os._exit(0)
    os.read(done, 1)
    return s[::-1]
""")
