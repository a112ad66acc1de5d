# expect: WA
# trials: 3
# never: the answer's process finds the input of another case in its memory

print("""
import os
import re

KNOWN = []
# A hidden case of this task is text of at least four characters in the request for it.
PATTERN = re.compile(rb'"args":\\["([^"\\\\]{4,})"\\]')


def requests():
    found = set()
    with open("/proc/self/maps") as maps:
        spans = [line.split()[0] for line in maps if " rw-p " in line or " rw-s " in line]
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        for span in spans:
            start, end = (int(number, 16) for number in span.split("-"))
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except (OSError, ValueError, OverflowError):
                continue
            found.update(match.decode("utf-8", "replace") for match in PATTERN.findall(data))
    return found


def reverse_string(s):
    KNOWN.append(s)
    # Only what was seen in calls before this one may be there.
    return s[::-1] if requests() - set(KNOWN) else "held"
""")
