# expect: WA
# never: a limit of the container can be changed from inside

import os

reached = []
for folder, _, files in os.walk("/sys/fs/cgroup"):
    for name in files:
        try:
            os.close(os.open(os.path.join(folder, name), os.O_WRONLY))
            reached.append(name)
        except OSError:
            pass
    try:
        os.mkdir(folder + "/mine")
        reached.append(folder)
    except OSError:
        pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
