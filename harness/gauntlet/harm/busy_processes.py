# expect: TLE
# never: many busy processes take more than one processor, or keep the driver from its turn

import os

for _ in range(6):
    try:
        os.fork()
    except OSError:
        pass
while True:
    pass
