# expect: WA
# never: files in memory outside any directory bypass the size limit of the work directory

import os

try:
    file = os.memfd_create("room")
    os.write(file, bytes(1 << 20))
    made = True
except OSError:
    made = False
print("def reverse_string(s):\n    return " + ("s[::-1]" if made else "'held'"))
