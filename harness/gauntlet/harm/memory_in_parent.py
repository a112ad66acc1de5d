# expect: MLE
# never: an agent takes more memory than it may have, or the driver is taken for it

blocks = []
while True:
    blocks.append(bytearray(1 << 20))
