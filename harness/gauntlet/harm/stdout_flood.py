# expect: OLE
# never: more output is kept than the maximum size of an answer

import os

while True:
    os.write(1, b"x\n" * 32_768)
