# expect: RE WA MLE
# never: a request for more memory than there is on the host is granted

print("""
def reverse_string(s):
    return len(bytearray(1 << 45))
""")
