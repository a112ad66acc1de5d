# expect: RE TLE
# never: the driver waits beyond the limit for a call that has closed the outcome pipe

print("""
import os
import time


def reverse_string(s):
    os.closerange(0, 256)
    time.sleep(600)
""")
