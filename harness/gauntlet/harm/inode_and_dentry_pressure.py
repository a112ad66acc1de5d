# expect: MLE TLE RE NS
# never: kernel memory for file names and inodes keeps the driver from answering

import os

NAME = "d" * 200
for _ in range(5):
    os.fork()
paths = []
for directory, _, names in os.walk("/usr"):
    paths += [os.path.join(directory, name) for name in names]
number = os.getpid()
blocks = []
while True:
    for path in paths:
        try:
            os.stat(path)
            # A name that does not exist is remembered as well.
            os.stat(f"{path}{NAME}{number}")
        except OSError:
            pass
        number += 1
    try:
        blocks.append(bytearray(1 << 20))
    except MemoryError:
        pass
