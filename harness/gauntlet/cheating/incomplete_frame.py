# expect: RE
# never: the driver waits for the rest of a frame that never arrives
# with: frames

print(FRAMES + r"""
def reverse_string(s):
    whole = frame(0, {"returned": s[::-1]})
    everywhere(whole[:-1])
    os._exit(0)

""")
