# expect: RE
# never: exiting while the answer is loaded passes a case

print("import sys\nsys.exit(0)\n")
