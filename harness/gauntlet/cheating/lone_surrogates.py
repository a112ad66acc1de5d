# expect: WA
# never: a lone surrogate breaks the parser, or is repaired into the expected value

print("""
def reverse_string(s):
    return [s[::-1] + chr(0xD800), chr(0xDFFF) + chr(0xD800), chr(0) * 10][len(s) % 3]
""")
