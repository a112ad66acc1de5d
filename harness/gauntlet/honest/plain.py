# expect: AC
# never: the simplest of agents loses a point

print("def reverse_string(s):\n    return s[::-1]")
