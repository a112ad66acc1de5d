# expect: WA
# never: a generator, a lambda, a module or a class counts as a value

print("""
import json


def reverse_string(s):
    things = [(c for c in reversed(s)), lambda: s[::-1], json, str, reversed(s), s.__reversed__
              if hasattr(s, "__reversed__") else iter(s), memoryview(s.encode()), bytearray(b"x")]
    return things[len(s) % len(things)]
""")
