# expect: NS RE
# never: a source that breaks Python's compiler breaks the driver

print("x = " + "-" * 100_000 + "1")
print("y = " + "(" * 50_000)
