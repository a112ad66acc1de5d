# expect: WA
# never: values that are small to send and large to hold use up the memory of the harness

print("""
def reverse_string(s):
    return [[]] * 330_000
""")
