# expect: MLE RE
# never: memory that is shared between processes is not counted

import mmap
import os

maps = []
while True:
    shared = mmap.mmap(-1, 8 << 20)
    shared.write(bytes(8 << 20))
    maps.append(shared)
