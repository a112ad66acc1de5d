# expect: TLE
# never: a call that only sleeps, and uses no processor, holds its container for ever

print("""
import time


def reverse_string(s):
    time.sleep(3600)
""")
