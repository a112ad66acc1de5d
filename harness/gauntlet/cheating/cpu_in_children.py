# expect: TLE
# never: a call gains time by letting a child do the work

print("""
import subprocess
import sys

WORK = "import time\\nwhile time.process_time() < 0.9: pass"


def reverse_string(s):
    subprocess.run([sys.executable, "-c", WORK])
    return s[::-1]
""")
