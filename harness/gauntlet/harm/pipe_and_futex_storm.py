# expect: TLE MLE RE NS
# never: processes and threads that wake each other all the time keep the driver from answering

import os
import threading

for _ in range(3):
    os.fork()
reader, writer = os.pipe()
lock = threading.Lock()


def pass_on():
    while True:
        with lock:
            os.write(writer, b"x" * 64)
        os.read(reader, 64)


for _ in range(5):
    try:
        threading.Thread(target=pass_on, daemon=True).start()
    except RuntimeError:
        pass
pass_on()
