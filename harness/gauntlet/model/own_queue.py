# expect: TLE
# never: an agent that fills its own queue computes without its time running
# with: model

import threading

for number in range(40):
    threading.Thread(target=ask, args=("hang",), daemon=True).start()
# More than its limit of 25 s, as CPU time, because a busy machine extends the limit of wall-clock time.
while time.process_time() < 40:
    sum(range(100000))
answer(True)
