# expect: RE WA MLE
# never: a request for more memory than the host has is granted

print("""
def reverse_string(s):
    return len(bytearray(1 << 45))
""")
