# expect: WA
# never: an instance of a subclass of int is accepted as a string

print("""
class Number(int):
    def __eq__(self, other):
        return True

    def __format__(self, spec):
        return '"olleh"'

    __hash__ = int.__hash__


def reverse_string(s):
    return Number(len(s))
""")
