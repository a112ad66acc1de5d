# expect: WA
# most: 25
# never: a table of what the prompt shows passes the generated cases

print("""
TABLE = {"hello": "olleh", "": "", "x": "x", " ab c ": " c ba ", "naïve 😀": "😀 evïan"}


def reverse_string(s):
    return TABLE.get(s, "held")
""")
