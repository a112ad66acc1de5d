# expect: TLE
# never: a call into C code that no signal handler can interrupt exceeds its time limit

print("""
import re
import signal

signal.signal(signal.SIGXCPU, signal.SIG_IGN)


def reverse_string(s):
    return re.match("(a|a?)+$", "a" * 64 + "!")
""")
