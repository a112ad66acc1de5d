# expect: TLE WA
# never: an agent that fills its own queue computes without its time running
# with: model

import threading

for number in range(200):
    threading.Thread(target=ask, args=("hang",), daemon=True).start()
began = time.monotonic()
while time.monotonic() - began < 60:
    sum(range(100000))
answer(True)
