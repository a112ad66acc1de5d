# expect: WA
# never: children can change the limits, priority, scheduling or CPU affinity of process 1, or their own affinity

import ctypes
import os
import resource

libc = ctypes.CDLL(None, use_errno=True)
reached = []
for limit in (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
    for pid in (1, os.getppid()):
        try:
            resource.prlimit(pid, limit, (1, 1))
            reached.append(limit)
        except (OSError, ValueError):
            pass
for which, who in ((os.PRIO_PROCESS, 1), (os.PRIO_USER, 0), (os.PRIO_USER, os.getuid()), (os.PRIO_PGRP, 1)):
    try:
        os.setpriority(which, who, 19)
        reached.append(which)
    except OSError:
        pass
try:
    os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))
    reached.append("idle")
except OSError:
    pass
for pid in (0, 1):
    try:
        os.sched_setaffinity(pid, {0})
        reached.append("affinity")
    except OSError:
        pass
for path in ("/proc/1/oom_score_adj", "/proc/1/timerslack_ns", "/proc/1/coredump_filter", "/proc/1/autogroup"):
    try:
        with open(path, "w") as file:
            file.write("1000")
        reached.append(path)
    except OSError:
        pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
