# expect: RE
# never: leaving while the answer is loaded counts as having passed

print("import sys\nsys.exit(0)\n")
