# expect: WA
# never: a number at the edge of what JSON can express breaks the parser or is accepted as a string

print("""
VALUES = [float("nan"), float("inf"), float("-inf"), 2**53 + 1, -(2**63), 2**64, 10**5000,
          1 << 200_000, -0.0, 1e308, True, None]


def reverse_string(s):
    return VALUES[len(s) % len(VALUES)]
""")
