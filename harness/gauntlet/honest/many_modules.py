# expect: AC
# never: a module of the standard library cannot be imported

WORK = """
import importlib
import sys

LEFT_OUT = {"antigravity", "this", "idlelib", "turtledemo", "tkinter", "turtle", "msilib", "winreg", "winsound", "msvcrt",
            "nt", "lib2to3", "ensurepip", "venv", "distutils"}
failed = []
for name in sorted(sys.stdlib_module_names):
    if name.startswith("_") or name in LEFT_OUT:
        continue
    try:
        importlib.import_module(name)
    except ImportError as error:
        # An image may leave modules out.
        if "No module named" not in str(error):
            failed.append(name)
assert not failed, failed
"""

exec(WORK)
print("def reverse_string(s):\n    return s[::-1]")
