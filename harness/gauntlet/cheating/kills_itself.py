# expect: RE
# never: a process that kills itself affects more than its own case

print("""
import os
import signal


def reverse_string(s):
    os.kill(os.getpid(), signal.SIGKILL)
""")
