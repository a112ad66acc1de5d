# expect: TLE
# never: an agent that crowds its own processor for a moment passes for one that the machine starved

import os
import time

# More that want to run than there are processors, and then nobody: the kernel has counted half a minute of
# waiting, and hardly any work.
end = time.monotonic() + 0.5
for _ in range(50):
    if os.fork() == 0:
        while time.monotonic() < end:
            pass
        time.sleep(60)
time.sleep(60)
