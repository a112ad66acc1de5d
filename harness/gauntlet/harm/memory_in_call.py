# expect: MLE
# never: a call takes more memory than it may have

print("""
def reverse_string(s):
    blocks = []
    while True:
        blocks.append(bytearray(4 << 20))
""")
