# expect: TLE
# never: uninterruptible arithmetic on one huge number exceeds its time limit

print("""
def reverse_string(s):
    return len(bin(7 ** (10 ** 9)))
""")
