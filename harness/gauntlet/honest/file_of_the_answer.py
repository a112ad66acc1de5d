# expect: AC
# never: an answer has no __file__, or its file does not hold its source

print("""
import inspect
import os

HERE = os.path.dirname(os.path.abspath(__file__))


def reverse_string(s):
    return s[::-1]


assert os.path.isdir(HERE)
with open(__file__) as file:
    assert "def reverse_string" in file.read()
assert inspect.getsource(reverse_string).startswith("def reverse_string")
if __name__ == "__main__":
    print(reverse_string("x"))
""")
