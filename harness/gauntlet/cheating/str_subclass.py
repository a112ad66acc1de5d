# expect: WA
# never: an instance of a subclass of str is judged by its overridden methods

print("""
class Text(str):
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __len__(self):
        return 5

    def encode(self, *_):
        return b"olleh"

    __hash__ = str.__hash__


def reverse_string(s):
    return Text(s[::-1])
""")
