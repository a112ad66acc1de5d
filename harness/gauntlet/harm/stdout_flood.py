# expect: OLE
# never: more of its output is kept than an answer may have

import os

while True:
    os.write(1, b"x\n" * 32_768)
