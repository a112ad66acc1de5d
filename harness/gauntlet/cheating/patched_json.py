# expect: WA RE OLE
# never: patched modules and builtins change what the host compares

print("""
import builtins
import json
import struct

real = json.dumps
json.dumps = lambda data, **options: real({"returned": True} if data else None)
json.loads = lambda *_: {"args": [""]}
builtins.type = lambda *_: str
builtins.len = lambda *_: 0
builtins.format = lambda *_: "0"


def reverse_string(s):
    return "held"
""")
