# expect: OLE WA
# never: many values, each within its limit, exceed the limit for all values

print("""
def reverse_string(s):
    return "\\u00e9" * 500_000 + str(len(s))
""")
