# expect: TLE RE WA
# never: an answer that fills the pipe for its inputs makes the driver wait beyond its time

print("""
import fcntl
import os
import stat
import threading


def fill(number):
    back = os.open(f"/proc/self/fd/{number}", os.O_WRONLY)
    while True:
        os.write(back, bytes(65_536))


def reverse_string(s):
    for number in range(3, 64):
        try:
            readable = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
            if readable and stat.S_ISFIFO(os.fstat(number).st_mode):
                threading.Thread(target=fill, args=(number,), daemon=True).start()
        except OSError:
            pass
    return "held"
""")
