# expect: OLE
# never: a frame that claims to be 4 GiB long is waited for or made room for
# with: frames

print(FRAMES + r"""
everywhere(struct.pack(">II", 0xFFFFFFFF, 0) + bytes(1000))

""")
