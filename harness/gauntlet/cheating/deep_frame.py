# expect: WA
# never: JSON nested ten thousand levels deep, sent past the encoder, breaks the harness

print("""
import __main__


def reverse_string(s):
    return s


# The driver's encoder runs in this process, so it can be made to write anything.
__main__.encode = lambda *_: "[" * 10_000 + "]" * 10_000
""")
