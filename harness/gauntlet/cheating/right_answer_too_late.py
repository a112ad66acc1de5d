# expect: TLE
# never: an answer counts although the agent exceeded its time limit

import time

print("def reverse_string(s):\n    return s[::-1]", flush=True)
time.sleep(60)
