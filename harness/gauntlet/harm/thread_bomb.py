# expect: WA TLE RE
# never: unlimited threads starve the driver or other containers

import threading
import time

started = 0
try:
    while started < 100_000:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
print("def reverse_string(s):\n    return " + ("'held'" if started < 1000 else "s[::-1]"), flush=True)
