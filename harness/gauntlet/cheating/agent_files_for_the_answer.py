# expect: WA
# never: the answer finds a file that the agent left, and so can exceed the size limit of an answer

import os

deep = "/work"
try:
    for _ in range(1200):
        deep += "/d"
        os.mkdir(deep)
except OSError:
    pass
for place in ("/work", "/tmp", "/var/tmp", "/dev/mqueue", "/dev/shm", "/run", "/var/lock", "/work/d/d"):
    try:
        with open(place + "/table", "w") as file:
            file.write("x" * 100_000)
        os.symlink("/work", place + "/link")
        os.chmod(place + "/table", 0)
    except OSError:
        pass
os.chmod("/work/d", 0)
os.chmod("/work", 0)

print("""
import os

FOUND = os.listdir("/work")
for place in ("/tmp", "/var/tmp", "/dev/mqueue", "/dev/shm", "/run", "/var/lock"):
    if os.path.lexists(place + "/table"):
        FOUND.append(place)


def reverse_string(s):
    return s[::-1] if FOUND else "held"
""")
