# Prepended to every file whose head says "with: frames": FRAMES is the beginning of an answer that forges frames.

FRAMES = r"""
import json
import os
import struct

STATEMENT, LOADED, REFUSED = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


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
"""
