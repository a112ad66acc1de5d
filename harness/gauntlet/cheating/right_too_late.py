# expect: TLE
# never: an answer counts although the agent's time was up

import time

print("def reverse_string(s):\n    return s[::-1]", flush=True)
time.sleep(60)
