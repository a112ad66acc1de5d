# expect: WA
# most: 25
# never: a table of the prompt's examples passes generated cases

print("""
TABLE = {"hello": "olleh", "": "", "x": "x", " ab c ": " c ba ", "naïve 😀": "😀 evïan"}


def reverse_string(s):
    return TABLE.get(s, "held")
""")
