# expect: TLE
# never: a call that sleeps and uses no CPU time holds its container indefinitely

print("""
import time


def reverse_string(s):
    time.sleep(3600)
""")
