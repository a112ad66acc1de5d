# expect: RE
# never: an exception with false attributes passes a case, or breaks the code that describes it

print("""
class Meta(type):
    @property
    def __mro__(cls):
        return (str,) * 1000


class Liar(BaseException, metaclass=Meta):
    def __str__(self):
        raise self

    def __getattribute__(self, name):
        raise RuntimeError("x" * 10**6)


def reverse_string(s):
    raise Liar("y" * 10**6)
""")
