# expect: WA
# never: a program that runs as another user can be used or created

import os
import shutil
import subprocess

reached = []
for directory in ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/libexec", "/usr/lib/openssh", "/usr/local/bin", "/opt"):
    for name in os.listdir(directory) if os.path.isdir(directory) else []:
        path = os.path.join(directory, name)
        if os.lstat(path).st_mode & 0o6000:
            reached.append(path)
# Some images have such programs. They gain nothing, because no-new-privileges ignores the bit.
ran = False
for path in reached:
    ran = ran or subprocess.run([path, "--help"], stdin=subprocess.DEVNULL, capture_output=True).returncode < 0
program = "/work/id"
try:
    shutil.copy("/usr/bin/id", program)
    os.chmod(program, 0o6755)
    ran = ran or subprocess.run([program], capture_output=True).returncode == 0
except OSError:
    pass
try:
    su = subprocess.run(["su", "-c", "id -u"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    ran = ran or su.stdout.strip() == "0"
except OSError:
    pass
reached = ran
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
