# expect: OLE WA NS
# never: a child floods on after its parent has left

import os

if os.fork() == 0:
    os.setsid()
    while True:
        os.write(1, b"# " * 32_768)
