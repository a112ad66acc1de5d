# expect: WA
# never: anything but the work folder can be written to

import os

reached = []
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/work", "/dev/fd")]
    if folder.count("/") > 2:
        folders[:] = []
    try:
        os.close(os.open(folder + "/mark", os.O_CREAT | os.O_WRONLY))
        os.unlink(folder + "/mark")
        reached.append(folder)
    except OSError:
        pass
for path in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/passwd", "/usr/bin/python3", "/proc/self/exe"):
    try:
        os.close(os.open(path, os.O_WRONLY))
        reached.append(path)
    except OSError:
        pass
# Queues are emptied after each trial, as the work folder is.
reached = [place for place in reached if place != "/dev/mqueue"]
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
