# expect: WA
# never: a device of the host can be opened or created

import os
import stat

HARMLESS = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "fd", "stdin", "stdout", "stderr", "mqueue",
            "core", "console", "shm"}
reached = sorted(set(os.listdir("/dev")) - HARMLESS)
for number, kind in enumerate((stat.S_IFCHR, stat.S_IFBLK)):
    try:
        os.mknod(f"/work/device{number}", kind | 0o600, os.makedev(1, 1))
        reached.append("mknod")
    except OSError:
        pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
