# expect: AC
# never: the simplest agent loses a point

print("def reverse_string(s):\n    return s[::-1]")
