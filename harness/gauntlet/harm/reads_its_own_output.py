# expect: TLE OLE
# never: an agent that reads back what it printed makes the driver wait beyond the limit

import os
import random
import select
import time

# A pipe that is open for writing can be opened for reading as well.
output, errors = (os.open(f"/proc/self/fd/{number}", os.O_RDONLY | os.O_NONBLOCK) for number in (1, 2))
end = time.monotonic() + 3
while time.monotonic() < end:
    os.write(1, b"x")
    # Late enough that the driver has seen that there is data, early enough that it has not read it.
    for _ in range(random.randrange(5_000)):
        pass
    try:
        os.read(output, 1 << 16)
    except BlockingIOError:
        continue
    os.write(2, b"x")
    time.sleep(0.0005)
    # If the driver does not read this, it is blocked on stdout.
    if select.select([errors], [], [], 0)[0]:
        time.sleep(0.1)
        if select.select([errors], [], [], 0)[0]:
            break
time.sleep(60)
