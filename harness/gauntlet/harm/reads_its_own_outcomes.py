# expect: TLE OLE RE
# never: a call that reads back what it sent makes the driver wait beyond the limit

print("""
import os
import random
import stat
import struct
import time

mine = []
for number in range(3, 64):
    try:
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            mine.append((number, os.open(f"/proc/self/fd/{number}", os.O_RDONLY | os.O_NONBLOCK)))
    except OSError:
        pass


def reverse_string(s):
    # An outcome of half a megabyte is announced and never completed.
    for output, _ in mine:
        os.write(output, struct.pack(">II", 1 << 19, 0))
    end = time.process_time() + 0.3
    while time.process_time() < end:
        for output, back in mine:
            os.write(output, b"x")
            for _ in range(random.randrange(400)):
                pass
            try:
                os.read(back, 1 << 16)
            except BlockingIOError:
                pass
    time.sleep(60)
""")
