# expect: WA
# never: a package outside the standard library is on the disk

import os

reached = []
for directory, directories, files in os.walk("/usr"):
    names = [*directories, *files]
    reached += [name for name in names if name.endswith((".dist-info", ".egg-info", ".whl", ".egg"))]
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
