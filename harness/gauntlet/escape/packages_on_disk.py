# expect: WA
# never: a package that is no part of the standard library lies anywhere on the disk

import os

reached = []
for folder, folders, files in os.walk("/usr"):
    names = [*folders, *files]
    reached += [name for name in names if name.endswith((".dist-info", ".egg-info", ".whl", ".egg"))]
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
