# expect: RE
# never: leaving at once, with status 0, counts as having passed

print("import posix\nposix._exit(0)\n")
