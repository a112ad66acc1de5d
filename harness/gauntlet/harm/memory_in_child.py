# expect: MLE WA TLE
# never: a child uses more memory than the container's limit

import os

child = os.fork()
if child == 0:
    blocks = []
    while True:
        blocks.append(bytearray(1 << 20))
os.waitpid(child, 0)
print("def reverse_string(s):\n    return 'held'")
