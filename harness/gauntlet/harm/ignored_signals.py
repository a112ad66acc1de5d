# expect: TLE
# never: a process that ignores every signal it can exceeds its time limit

import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
