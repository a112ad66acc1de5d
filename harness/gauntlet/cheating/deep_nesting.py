# expect: WA
# never: a value nested too deeply for any stack breaks the driver or the harness

print("""
def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


CIRCLE = []
CIRCLE.append(CIRCLE)


def reverse_string(s):
    return [nested(10_000), nested(39), nested(40), nested(41), CIRCLE, {1: CIRCLE}][len(s) % 6]
""")
