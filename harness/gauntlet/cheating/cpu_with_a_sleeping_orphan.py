# expect: TLE
# never: a sleeping orphan that ends just before the limit makes the driver read the CPU time too early and then too late

print("""
import os
import signal
import time

signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def detached(work):
    if os.fork() == 0:
        if os.fork() == 0:
            work()
        os._exit(0)


def burn(working):
    while time.process_time() < 0.8:
        pass
    os.write(working, b"x")


def reverse_string(s):
    done, working = os.pipe()
    detached(lambda: time.sleep(0.45))
    detached(lambda: burn(working))
    os.read(done, 1)
    return s[::-1]
""")
