# expect: WA
# never: a program that the agent created can be executed

import os
import shutil
import subprocess

reached = False
for directory in ("/work", "/tmp", "/var/tmp", "/dev/mqueue", "/run", "/dev/shm"):
    program = directory + "/program"
    try:
        shutil.copy("/bin/true", program)
        os.chmod(program, 0o755)
        subprocess.run([program], check=True)
        reached = True
    except (OSError, subprocess.CalledProcessError):
        pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
