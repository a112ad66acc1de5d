# expect: WA NS
# trials: 2
# never: a locked work directory keeps the driver from starting the next trial

import os

os.mkdir("inside")
os.chmod("inside", 0)
os.chmod("/work", 0)
print("def reverse_string(s):\n    return 'held'")
