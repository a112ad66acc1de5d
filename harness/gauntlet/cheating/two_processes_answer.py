# expect: RE WA
# never: a copy of the answer's process that answers as well wins or shifts a case

print("""
import os

os.fork()
os.fork()


def reverse_string(s):
    return "held"
""")
