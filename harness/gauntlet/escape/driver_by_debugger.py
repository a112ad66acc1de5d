# expect: WA
# never: the driver can be inspected with Python's debugging facilities

import faulthandler
import os
import signal
import sys

reached = []
for name in ("SIGUSR1", "SIGUSR2", "SIGABRT", "SIGSEGV", "SIGQUIT", "SIGTRAP", "SIGXCPU", "SIGALRM"):
    os.kill(1, getattr(signal, name))
try:
    with open("/proc/1/task/1/mem", "r+b", buffering=0) as memory:
        reached.append(memory)
except OSError:
    pass
if os.environ.keys() - {"PATH", "HOME", "TMPDIR", "LANG", "PYTHONHASHSEED", "LC_CTYPE"}:
    reached.append("environment")
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
