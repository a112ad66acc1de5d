# expect: WA
# never: a signal stops, ends or confuses the driver

print("""
import os
import signal


def reverse_string(s):
    for number in range(1, 65):
        try:
            os.kill(1, number)
        except OSError:
            pass
    os.kill(os.getppid(), signal.SIGSTOP)
    return "held"
""")
