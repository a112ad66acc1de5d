# expect: RE
# never: a process that replaced itself with another program passes a case

print("""
import os


def reverse_string(s):
    os.execv("/bin/true", ["true"])
""")
