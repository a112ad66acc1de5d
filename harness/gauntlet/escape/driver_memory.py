# expect: WA
# never: the memory, files or environment of process 1 can be read or written

import os

reached = []
PLACES = ("mem", "environ", "maps", "stack", "auxv", "syscall", "io", "fd/0", "fd/1", "fd/2", "fd/3", "fd/4", "fd/5",
          "cwd/agent.py", "root/etc/hostname", "map_files", "ns/pid", "pagemap")
for place in PLACES:
    for mode in (os.O_RDONLY, os.O_WRONLY):
        try:
            file = os.open(f"/proc/1/{place}", mode)
            if os.read(file, 1) if mode == os.O_RDONLY else True:
                reached.append(place)
        except OSError:
            pass
for name in ("fd", "fdinfo", "map_files"):
    try:
        reached += os.listdir(f"/proc/1/{name}")
    except OSError:
        pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
