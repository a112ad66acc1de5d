# expect: TLE
# never: a single call into C that no signal handler interrupts outlives its time

print("""
import re
import signal

signal.signal(signal.SIGXCPU, signal.SIG_IGN)


def reverse_string(s):
    return re.match("(a|a?)+$", "a" * 64 + "!")
""")
