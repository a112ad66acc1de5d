# expect: TLE
# never: an agent that crowds its own CPU for a moment counts as starved by the machine

import os
import time

# More runnable processes than CPUs, then only sleeping ones: the kernel has counted half a minute of waiting and
# hardly any CPU time.
end = time.monotonic() + 0.5
for _ in range(50):
    if os.fork() == 0:
        while time.monotonic() < end:
            pass
        time.sleep(60)
time.sleep(60)
