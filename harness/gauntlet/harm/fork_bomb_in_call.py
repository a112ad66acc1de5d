# expect: TLE RE WA
# never: a fork bomb in a call breaks the driver or a later trial

print("""
import os


def reverse_string(s):
    while True:
        try:
            if os.fork() == 0:
                os.setsid()
        except OSError:
            pass
""")
