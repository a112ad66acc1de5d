# expect: WA RE
# never: outcomes that were sent before the first call pass a case
# with: frames

print(FRAMES + r"""
everywhere(frame(LOADED, None) + b"".join(frame(index, {"returned": "held"}) for index in range(41)))
os._exit(0)

""")
