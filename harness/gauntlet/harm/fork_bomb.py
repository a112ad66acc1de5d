# expect: TLE RE NS
# never: a fork bomb outlives its trial, or keeps the driver from ending it

import os

while True:
    try:
        os.fork()
        os.setsid()
    except OSError:
        pass
