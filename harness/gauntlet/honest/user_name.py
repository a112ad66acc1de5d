# expect: AC
# never: getpass.getuser, Path.home or expanduser does not work in the agent or in its answer

WORK = """
import getpass
import os
import pathlib

assert getpass.getuser() == "agent"
assert pathlib.Path.home() == pathlib.Path("~").expanduser() == pathlib.Path(os.environ["HOME"])
"""

exec(WORK)
print(WORK)
print("def reverse_string(s):\n    return s[::-1]")
