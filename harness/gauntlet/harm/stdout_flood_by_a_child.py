# expect: OLE WA NS
# never: a child continues to flood after its parent has exited

import os

if os.fork() == 0:
    os.setsid()
    while True:
        os.write(1, b"# " * 32_768)
