# expect: MLE
# never: a call uses more memory than its limit

print("""
def reverse_string(s):
    blocks = []
    while True:
        blocks.append(bytearray(4 << 20))
""")
