# expect: WA
# never: a process of the host or of another container can be seen

import os

pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
reached = [pid for pid in pids if pid not in (1, os.getpid())]
with open("/proc/1/cmdline") as command:
    reached = reached or "python" not in command.read()
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
