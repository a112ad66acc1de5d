# expect: RE
# never: the rest of a frame that never comes is waited for
# with: frames

print(FRAMES + r"""
def reverse_string(s):
    whole = frame(0, {"returned": s[::-1]})
    everywhere(whole[:-1])
    os._exit(0)

""")
