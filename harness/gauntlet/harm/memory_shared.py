# expect: MLE RE
# never: memory that belongs to no process in particular goes uncounted

import mmap
import os

maps = []
while True:
    shared = mmap.mmap(-1, 8 << 20)
    shared.write(bytes(8 << 20))
    maps.append(shared)
