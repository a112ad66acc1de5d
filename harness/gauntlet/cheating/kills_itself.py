# expect: RE
# never: a process that kills itself takes more than its own case along

print("""
import os
import signal


def reverse_string(s):
    os.kill(os.getpid(), signal.SIGKILL)
""")
