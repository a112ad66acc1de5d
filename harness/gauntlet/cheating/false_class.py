# expect: WA RE
# never: an object is trusted about its own class

print("""
class Liar:
    @property
    def __class__(self):
        return str

    def __reduce__(self):
        return (str, ("olleh",))


class Meta(type):
    @property
    def __name__(cls):
        raise SystemExit(0)


class Worse(metaclass=Meta):
    pass


def reverse_string(s):
    return Liar() if len(s) % 2 else Worse()
""")
