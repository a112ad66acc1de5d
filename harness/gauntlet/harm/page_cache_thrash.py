# expect: MLE TLE RE
# never: an agent that fills the memory and reads files in many processes makes the driver wait for its own code

import mmap
import os
import random

LEFT = 30 << 20

paths = []
for directory, _, names in os.walk("/usr"):
    for name in names:
        path = os.path.join(directory, name)
        try:
            if os.path.isfile(path) and os.path.getsize(path) > 1 << 16:
                paths.append(path)
        except OSError:
            pass
paths.sort(key=os.path.getsize, reverse=True)
maps = []
for path in paths[:100]:
    try:
        with open(path, "rb") as file:
            maps.append(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED))
    except (OSError, ValueError):
        pass
filled, blocks = 0, []
while filled < (256 << 20) - LEFT:
    block = mmap.mmap(-1, 1 << 19, flags=mmap.MAP_PRIVATE)
    for at in range(0, len(block), 4096):
        block[at] = 1
    blocks.append(block)
    filled += len(block)
for _ in range(6):
    os.fork()
while True:
    pages = maps[random.randrange(len(maps))]
    for at in range(0, len(pages), 4096):
        pages[at]
