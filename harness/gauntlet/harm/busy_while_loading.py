# expect: TLE
# never: loading an answer has no time limit

print("while True:\n    pass\n")
