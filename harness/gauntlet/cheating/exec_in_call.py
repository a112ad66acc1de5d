# expect: RE
# never: a process that turned into another program counts as having passed

print("""
import os


def reverse_string(s):
    os.execv("/bin/true", ["true"])
""")
