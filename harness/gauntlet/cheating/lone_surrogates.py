# expect: WA
# never: half a character breaks a reader, or is mended into a right value

print("""
def reverse_string(s):
    return [s[::-1] + chr(0xD800), chr(0xDFFF) + chr(0xD800), chr(0) * 10][len(s) % 3]
""")
