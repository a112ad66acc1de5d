# expect: MLE
# never: an agent uses more memory than its limit, or the driver is killed in its place

blocks = []
while True:
    blocks.append(bytearray(1 << 20))
