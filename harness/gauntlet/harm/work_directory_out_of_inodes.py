# expect: WA
# trials: 2
# never: more files are created than allowed, or the next trial cannot create any

import os

made = 0
try:
    for number in range(100_000):
        os.close(os.open(f"/work/{number}", os.O_CREAT))
        made += 1
except OSError:
    pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if not 3000 < made < 4097 else "'held'"))
