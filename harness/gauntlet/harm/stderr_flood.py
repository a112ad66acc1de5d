# expect: WA
# never: more of stderr is kept than its end, or a flood of it keeps the agent from finishing

import os

for _ in range(500):
    os.write(2, bytes(range(256)) * 256)
print("def reverse_string(s):\n    return 'held'")
