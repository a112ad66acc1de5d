# expect: WA
# never: JSON nested ten thousand deep, sent past the encoder, breaks the harness

print("""
import __main__


def reverse_string(s):
    return s


# The outcome that is sent is whatever the driver's own encoder, in this process, is made to write.
__main__.encode = lambda *_: "[" * 10_000 + "]" * 10_000
""")
