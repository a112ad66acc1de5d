# expect: WA
# never: JSON nested ten thousand deep, sent past the encoder, breaks the harness

print("""
import json


def reverse_string(s):
    return s


# The outcome that is sent is whatever the encoder's own tools make of it.
json.dumps = lambda *_, **__: '{"returned":' + "[" * 10_000 + "]" * 10_000 + "}"
""")
