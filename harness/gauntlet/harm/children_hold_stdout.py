# expect: WA
# trials: 2
# never: the driver waits for a child that keeps stdout open

import os
import signal
import time

print("def reverse_string(s):\n    return 'held'", flush=True)
for _ in range(10):
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
