# expect: AC
# never: /tmp cannot be written to, by the agent or by its answer

with open("/tmp/x", "w") as file:
    file.write("""
with open("/tmp/y", "w") as file:
    file.write("-1")


def reverse_string(s):
    with open("/tmp/y") as file:
        return s[:: int(file.read())]
""")
with open("/tmp/x") as file:
    print(file.read())
