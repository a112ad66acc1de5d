# expect: TLE
# never: an answer whose every call takes too long is called again and again

print("""
import time


def reverse_string(s):
    if len(s) % 2:
        time.sleep(60)
    while True:
        pass
""")
