# expect: RE TLE
# never: a call that closes the line for outcomes is waited for longer than its time

print("""
import os
import time


def reverse_string(s):
    os.closerange(0, 256)
    time.sleep(600)
""")
