# expect: TLE OLE
# never: an agent that takes back what it has printed keeps the driver waiting for it beyond its time

import os
import random
import time

# A pipe that one may write to can be opened for reading as well.
mine = [(number, os.open(f"/proc/self/fd/{number}", os.O_RDONLY | os.O_NONBLOCK)) for number in (1, 2)]
end = time.monotonic() + 3
while time.monotonic() < end:
    for output, back in mine:
        os.write(output, b"x")
        # Late enough for the driver to have seen that there is something, early enough for it not to have it.
        for _ in range(random.randrange(400)):
            pass
        try:
            os.read(back, 1 << 16)
        except BlockingIOError:
            pass
time.sleep(60)
