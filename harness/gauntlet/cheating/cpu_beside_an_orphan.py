# expect: TLE
# never: an orphan that ends just before the limit makes the driver look too early, and then too late

print("""
import os
import signal
import time

signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def beside(work):
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
    beside(lambda: time.sleep(0.45))
    beside(lambda: burn(working))
    os.read(done, 1)
    return s[::-1]
""")
