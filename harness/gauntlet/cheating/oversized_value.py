# expect: OLE
# never: a value that is larger than one may be is read by the host

print("""
def reverse_string(s):
    return s[::-1] + "x" * (1 << 20)
""")
