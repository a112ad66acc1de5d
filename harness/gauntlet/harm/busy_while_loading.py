# expect: TLE
# never: loading an answer has all the time of the world

print("while True:\n    pass\n")
