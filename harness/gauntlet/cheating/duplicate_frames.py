# expect: RE WA
# never: an outcome that is sent twice counts for another case
# with: frames

print(FRAMES + r"""
def reverse_string(s):
    for index in range(41):
        everywhere(frame(index, {"returned": s + "!"}) * 2)
    return "held"

""")
