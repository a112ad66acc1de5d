# expect: TLE
# never: arithmetic on one huge number, which cannot be interrupted, outlives its time

print("""
def reverse_string(s):
    return len(bin(7 ** (10 ** 9)))
""")
