# expect: WA
# never: anything but the work directory can be written to

import os

reached = []
for directory, directories, files in os.walk("/"):
    directories[:] = [name for name in directories if os.path.join(directory, name) not in ("/proc", "/sys", "/work", "/dev/fd")]
    if directory.count("/") > 2:
        directories[:] = []
    try:
        os.close(os.open(directory + "/mark", os.O_CREAT | os.O_WRONLY))
        os.unlink(directory + "/mark")
        reached.append(directory)
    except OSError:
        pass
for path in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/passwd", "/usr/bin/python3", "/proc/self/exe"):
    try:
        os.close(os.open(path, os.O_WRONLY))
        reached.append(path)
    except OSError:
        pass
# Queues are emptied after each trial, as the work directory is.
reached = [place for place in reached if place != "/dev/mqueue"]
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
