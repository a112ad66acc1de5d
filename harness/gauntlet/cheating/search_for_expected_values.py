# expect: WA
# never: the expected value of a case can be found in memory before it was computed

print("""
import gc
import sys


def texts(thing, depth):
    if type(thing) is str:
        yield thing
    elif depth and isinstance(thing, (list, tuple, set, frozenset)):
        for item in list(thing):
            yield from texts(item, depth - 1)
    elif depth and isinstance(thing, dict):
        for item in [*thing.keys(), *thing.values()]:
            yield from texts(item, depth - 1)


def reverse_string(s):
    characters, places = sorted(s), gc.get_objects()
    frame = sys._getframe()
    while frame:
        places += [frame.f_locals, frame.f_globals]
        frame = frame.f_back
    if SEEN.setdefault("calls", 0) < 3:
        SEEN["calls"] += 1
        for place in places:
            for text in texts(place, 1):
                if len(text) == len(s) > 2 and text != s and sorted(text) == characters:
                    return text
    return "held"


SEEN = {}
""")
