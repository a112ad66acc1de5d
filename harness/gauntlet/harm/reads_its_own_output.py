# expect: TLE OLE
# never: an agent that takes back what it has printed keeps the driver waiting for it beyond its time

import os
import random
import select
import time

# A pipe that one may write to can be opened for reading as well.
output, errors = (os.open(f"/proc/self/fd/{number}", os.O_RDONLY | os.O_NONBLOCK) for number in (1, 2))
end = time.monotonic() + 3
while time.monotonic() < end:
    os.write(1, b"x")
    # Late enough for the driver to have seen that there is something, early enough for it not to have it.
    for _ in range(random.randrange(5_000)):
        pass
    try:
        os.read(output, 1 << 16)
    except BlockingIOError:
        continue
    os.write(2, b"x")
    time.sleep(0.0005)
    # A driver that does not take this any more waits for that.
    if select.select([errors], [], [], 0)[0]:
        time.sleep(0.1)
        if select.select([errors], [], [], 0)[0]:
            break
time.sleep(60)
