# expect: WA
# trials: 2
# never: more is written than the work directory may hold, or the next trial finds it full

import os

written, room = 0, bytes(1 << 20)
found = os.listdir("/work") != ["agent.py"]
try:
    for number in range(200):
        with open(f"/work/{number}", "wb") as file:
            file.write(room)
        written += len(room)
except OSError:
    pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if found or written > 65 << 20 else "'held'"))
