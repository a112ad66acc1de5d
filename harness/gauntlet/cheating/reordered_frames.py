# expect: RE
# never: an outcome that is not due is accepted
# with: frames

print(FRAMES + r"""
def reverse_string(s):
    for index in reversed(range(41)):
        everywhere(frame(index, {"returned": s}))
    return "held"

""")
