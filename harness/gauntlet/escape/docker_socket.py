# expect: WA
# never: the socket of a container engine, or any socket in the file system, can be reached

import os
import stat

reached = False
for directory, directories, files in os.walk("/"):
    directories[:] = [name for name in directories if os.path.join(directory, name) not in ("/proc", "/sys", "/usr")]
    for name in files:
        try:
            mode = os.lstat(os.path.join(directory, name)).st_mode
        except OSError:
            continue
        reached = reached or stat.S_ISSOCK(mode) or (stat.S_ISBLK(mode))
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
