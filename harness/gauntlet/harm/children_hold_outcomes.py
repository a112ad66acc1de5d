# expect: RE
# never: a child that keeps the outcome pipe open makes the driver wait for its dead parent

print("""
import os
import signal
import time


def reverse_string(s):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    os.kill(os.getpid(), signal.SIGKILL)
""")
