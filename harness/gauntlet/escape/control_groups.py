# expect: WA
# never: a limit of the container can be changed from inside

import os

reached = []
for directory, _, files in os.walk("/sys/fs/cgroup"):
    for name in files:
        try:
            os.close(os.open(os.path.join(directory, name), os.O_WRONLY))
            reached.append(name)
        except OSError:
            pass
    try:
        os.mkdir(directory + "/mine")
        reached.append(directory)
    except OSError:
        pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
