# expect: WA
# most: 10
# never: state that is kept between calls passes more than the case that it could have solved

print("""
import os

SEEN = []


def reverse_string(s):
    SEEN.append(s)
    try:
        with open("/work/seen", "a") as file:
            file.write("x")
    except OSError:
        pass
    return SEEN[-2][::-1] if len(SEEN) > 1 else "held"
""")
