# expect: WA
# never: a module that the agent planted is imported in place of the real one

import os

PLANT = "PLANTED = True\nfrom builtins import *\n"
NAMES = ("json", "struct", "types", "sitecustomize", "usercustomize", "answer", "ctypes", "encodings", "_bootlocale")
USER = os.path.expanduser("~/.local/lib/python3.11/site-packages")
PLACES = (".", "/work", "/tmp", "/var/tmp", "/usr/lib/python3.11", "/usr/local/lib/python3.11/dist-packages",
          "/usr/lib/python3/dist-packages", "/usr/local/lib/python3.11/site-packages", USER)
for place in PLACES:
    try:
        os.makedirs(place, exist_ok=True)
    except OSError:
        pass
    for name in NAMES:
        for file in (f"{place}/{name}.py", f"{place}/{name}.pth", f"{place}/pyvenv.cfg"):
            try:
                with open(file, "w") as planted:
                    planted.write("import os\n" if file.endswith(".pth") else PLANT)
            except OSError:
                pass

print("""
import ctypes
import importlib
import json
import struct
import subprocess
import sys
import types

planted = any(hasattr(module, "PLANTED") for module in list(sys.modules.values()))
for name in ("sitecustomize", "usercustomize"):
    try:
        planted = planted or hasattr(importlib.import_module(name), "PLANTED")
    except ImportError:
        pass


def reverse_string(s):
    return s[::-1] if planted else "held"
""")
