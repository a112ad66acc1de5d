# expect: OLE
# never: the driver waits for a frame that claims to be 4 GiB long, or allocates memory for it
# with: frames

print(FRAMES + r"""
everywhere(struct.pack(">II", 0xFFFFFFFF, 0) + bytes(1000))

""")
