# expect: OLE
# never: the driver waits for the end of an endless line

import sys

while True:
    sys.stdout.write("x" * 1000)
