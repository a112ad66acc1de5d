# expect: TLE
# never: thousands of orphans that end at once keep process 1 too busy to end the trial

import os

while True:
    try:
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
            os._exit(0)
        os.waitpid(-1, os.WNOHANG)
    except OSError:
        pass
