# expect: WA
# never: the kernel's memory, keys or log can be read

import os

reached = []
for path in ("/proc/kcore", "/proc/kmsg", "/dev/kmsg", "/dev/mem", "/dev/kmem", "/dev/port", "/proc/keys", "/proc/timer_list",
             "/sys/firmware/dmi", "/proc/kpagecount", "/proc/vmallocinfo", "/proc/slabinfo", "/sys/kernel/debug/x"):
    try:
        file = os.open(path, os.O_RDONLY)
        if os.read(file, 1):
            reached.append(path)
    except OSError:
        pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
