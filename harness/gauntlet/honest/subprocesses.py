# expect: AC
# never: subprocess or os.fork does not work

WORK = """
import os
import subprocess
import sys

ran = subprocess.run([sys.executable, "-c", "print(input()[::-1])"], input="abc", capture_output=True, text=True, check=True)
assert ran.stdout == "cba\\n"
assert subprocess.check_output("echo $((6 * 7)) | cat", shell=True, text=True) == "42\\n"
assert subprocess.getoutput("ls -la / | wc -l").isdigit()
pid = os.fork()
if pid == 0:
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
"""

exec(WORK)
print(WORK)
print("def reverse_string(s):\n    return s[::-1]")
