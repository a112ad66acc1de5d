# expect: OLE
# never: a line that does not end is waited for

import sys

while True:
    sys.stdout.write("x" * 1000)
