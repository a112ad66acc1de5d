# expect: WA
# never: pip, setuptools or anything outside the standard library can be imported

import glob
import importlib
import sys

for directory in ("/usr/lib/python3/dist-packages", "/usr/local/lib/python3.11/dist-packages", "/usr/share/python-wheels",
               "/usr/local/lib/python3.11/site-packages", "/usr/lib/python3.11/site-packages", "/usr/share/python3"):
    sys.path.append(directory)
sys.path += glob.glob("/usr/**/*.whl", recursive=True)
reached = []
for name in ("pip", "setuptools", "pkg_resources", "wheel", "_distutils_hack", "numpy", "requests", "yaml", "apt_pkg"):
    try:
        importlib.import_module(name)
        reached.append(name)
    except ImportError:
        pass
print("def reverse_string(s):\n    return " + ("s[::-1]" if reached else "'held'"))
