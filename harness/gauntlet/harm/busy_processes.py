# expect: TLE
# never: many busy processes use more than one CPU, or keep the driver from being scheduled

import os

for _ in range(6):
    try:
        os.fork()
    except OSError:
        pass
while True:
    pass
