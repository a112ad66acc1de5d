# expect: WA
# never: values that are small on the wire and large in memory exhaust the memory of the harness

print("""
def reverse_string(s):
    return [[]] * 330_000
""")
