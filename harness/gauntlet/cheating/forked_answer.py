# expect: RE WA
# never: a forked copy of the answer's process that also answers passes or shifts a case

print("""
import os

os.fork()
os.fork()


def reverse_string(s):
    return "held"
""")
