# expect: RE
# never: exiting at once with status 0 while the answer is loaded passes a case

print("import posix\nposix._exit(0)\n")
