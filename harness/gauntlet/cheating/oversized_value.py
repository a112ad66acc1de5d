# expect: OLE
# never: the host reads a value over the maximum size

print("""
def reverse_string(s):
    return s[::-1] + "x" * (1 << 20)
""")
