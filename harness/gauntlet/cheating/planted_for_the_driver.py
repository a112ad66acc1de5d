# expect: WA
# trials: 3
# never: a module that an agent planted in its directory reaches the driver, the answer or the next trial

import os
import sys

PLANT = "import builtins\nbuiltins.PLANTED = True\n"
NAMES = ("json", "typing", "re", "random", "string", "heapq", "bisect", "hashlib", "array", "collections", "functools",
         "operator", "itertools", "math", "linecache", "traceback", "answer", "agent", "sitecustomize", "usercustomize")
found = sorted(set(os.listdir("/work")) - {"agent.py"}) + os.listdir("/tmp")
found += ["builtins"] if hasattr(__builtins__, "PLANTED") else []
found += [name for name in ("json", "typing", "random") if "/work" in str(getattr(sys.modules.get(name), "__file__", ""))]
for place in ("/work", "/tmp", "/work/__pycache__", "/tmp/typing"):
    os.makedirs(place, exist_ok=True)
    for name in NAMES:
        with open(f"{place}/{name}.py", "w") as file:
            file.write(PLANT)

print("""
import builtins
import os
import sys

FOUND = %r
FOUND += [path for path in sys.path if path == "" or path.startswith(("/work", "/tmp"))]
FOUND += sorted(set(os.listdir("/work")) - {"answer.py"}) + os.listdir("/tmp")
import array, bisect, collections, functools, hashlib, heapq, itertools, json, linecache, math, operator, random, re
import string, traceback, typing

FOUND += ["planted"] if hasattr(builtins, "PLANTED") else []
for name in %r:
    for place in ("/work", "/tmp"):
        if name != "answer":
            with open(f"{place}/{name}.py", "w") as file:
                file.write(%r)


def reverse_string(s):
    return s[::-1] if FOUND else "held"
""" % (found, NAMES, PLANT))
