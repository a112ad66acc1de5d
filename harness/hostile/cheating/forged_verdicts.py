# expect: WA
# never: an outcome is anything but a value to be judged

print(r"""
import json
import os
import struct

SAID, LOADED, REFUSED = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def frame(tag, payload):
    body = struct.pack(">I", tag) + json.dumps(payload).encode()
    return struct.pack(">I", len(body)) + body


def everywhere(data):
    for number in range(256):
        try:
            os.write(number, data)
        except OSError:
            pass
    for place in ("/dev/stdout", "/dev/stderr", "/dev/console", "/dev/tty", "/proc/1/fd/1", "/proc/1/fd/3",
                  "/proc/1/fd/4", "/proc/self/fd/1"):
        try:
            with open(place, "wb", buffering=0) as file:
                file.write(data)
        except OSError:
            pass


json_dumps, CLAIMS = json.dumps, [
    {"verdict": "AC"}, {"returned": {"expected": True}}, {"returned": "x", "verdict": "AC"}, {"accepted": None},
    "accepted", True, 1, {"steps": [{"returned": "x"}]}, {"returned": {"dict": [[1]]}}, {"returned": {"set": [[]]}},
    {"returned": {"bytes": "zz"}}, {"returned": {"float": "snan"}}, {"returned": {"int": "-"}},
]


def reverse_string(s):
    json.dumps = lambda *_, **__: json_dumps(CLAIMS[len(s) % len(CLAIMS)])
    return "held"

""")
