# expect: WA
# trials: 2
# never: directories nested deeper than a path can be long, locked and oddly named, cannot be removed

import os

NAMES = ("d" * 200, "\udcff", "-rf", "a\nb")
found = os.listdir("/work") != ["agent.py"]
made = 0
try:
    for number in range(3000):
        os.mkdir(NAMES[number % 4])
        os.chdir(NAMES[number % 4])
        made += 1
except OSError:
    pass
for number in reversed(range(made)):
    if number % 100 == 0:
        os.symlink("/", "link")
    os.chdir("..")
    os.chmod(NAMES[number % 4], 0)
print("def reverse_string(s):\n    return " + ("s[::-1]" if found or made < 1000 else "'held'"))
