# expect: TLE
# never: a call gains time by patching clocks

print("""
import signal
import time

time.monotonic = time.time = time.perf_counter = time.process_time = lambda: 0.0
time.clock_gettime = lambda *_: 0.0
signal.setitimer = lambda *_: None


def reverse_string(s):
    for _ in range(10**9):
        pass
    return s[::-1]
""")
