# expect: WA
# never: an object that equals everything is accepted as the expected value

print("""
class Anything:
    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0

    def __repr__(self):
        return "right"

    __str__ = __repr__


def reverse_string(s):
    return Anything()
""")
