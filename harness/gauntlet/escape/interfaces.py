# expect: WA
# never: there is a network interface other than the loopback

import os

reached = sorted(os.listdir("/sys/class/net")) not in ([], ["lo"])
with open("/proc/net/route") as routes:
    reached = reached or len(routes.readlines()) > 1
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
