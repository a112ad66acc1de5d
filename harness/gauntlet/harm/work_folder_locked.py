# expect: WA NS
# trials: 2
# never: a work folder that was locked keeps the driver from starting the next trial

import os

os.mkdir("inside")
os.chmod("inside", 0)
os.chmod("/work", 0)
print("def reverse_string(s):\n    return 'held'")
