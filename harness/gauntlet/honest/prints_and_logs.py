# expect: AC
# never: an answer that prints in its calls disturbs its own outcomes

print("""
import logging
import sys

logging.basicConfig(level=logging.DEBUG)


def reverse_string(s):
    print("in", s)
    logging.info("called")
    sys.stderr.write("note")
    sys.stdout.flush()
    return s[::-1]
""")
