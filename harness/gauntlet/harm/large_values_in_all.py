# expect: OLE WA
# never: many values, each within its limit, are more together than all may be

print("""
def reverse_string(s):
    return "\\u00e9" * 500_000 + str(len(s))
""")
