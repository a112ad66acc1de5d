# expect: AC
# never: an agent cannot import a module that it wrote next to itself

import importlib
import pathlib

HERE = pathlib.Path(__file__).parent
(HERE / "helper.py").write_text("ANSWER = 'def reverse_string(s):\\n    return s[::-1]'\n")
(HERE / "package").mkdir()
(HERE / "package" / "__init__.py").write_text("from helper import ANSWER\n")

print(importlib.import_module("package").ANSWER)
