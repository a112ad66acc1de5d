# expect: TLE RE NS
# never: processes that multiply outlive their trial, or keep the driver from ending it

import os

while True:
    try:
        os.fork()
        os.setsid()
    except OSError:
        pass
