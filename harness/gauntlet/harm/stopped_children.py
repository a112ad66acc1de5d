# expect: WA
# trials: 2
# never: a stopped process cannot be killed

import os
import signal

for _ in range(10):
    if os.fork() == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
print("def reverse_string(s):\n    return 'held'", flush=True)
