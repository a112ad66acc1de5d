# expect: WA
# never: more than the end of stderr is kept, or a flood of it blocks the agent

import os

for _ in range(500):
    os.write(2, bytes(range(256)) * 256)
print("def reverse_string(s):\n    return 'held'")
