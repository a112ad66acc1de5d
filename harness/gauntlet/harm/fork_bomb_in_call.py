# expect: TLE RE WA
# never: processes that multiply in a call take a later trial or the driver along

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
