"""An agent that knows some answers and derives others from the examples in the prompt."""

import ast
import re
import sys

# What is known.
KNOWN = {
    "fizz_buzz": '''
def fizz_buzz(n):
    lines = []
    number = 0
    while number < n:
        number += 1
        word = ""
        if number % 3 == 0:
            word += "Fizz"
        if number % 5 == 0:
            word += "Buzz"
        lines.append(word or str(number))
    return lines
''',
    "word_count": '''
def word_count(text):
    counts = {}
    for word in text.lower().split():
        word = word.strip(".,;:!?")
        if word:
            counts[word] = counts.get(word, 0) + 1
    return counts
''',
}

EXAMPLE = re.compile(r"^\s*(\w+)\((.*)\)\s*->\s*(.+)$", re.MULTILINE)


def read_examples(prompt):
    """The calls in the prompt with their results."""
    examples = []
    matches = EXAMPLE.findall(prompt)
    index = 0
    while index < len(matches):
        name, arguments, result = matches[index]
        index += 1
        try:
            values = ast.literal_eval("(" + arguments + ",)")
            examples.append((name, values, ast.literal_eval(result)))
        except (SyntaxError, ValueError):
            continue
    return examples


def candidates(name, count):
    """Programs that may fit, simplest first."""
    parameters = ", ".join("a%d" % index for index in range(count))
    for expression in ("a0", "a0[::-1]", "sorted(a0)", "sum(a0)", "len(a0)", "max(a0)"):
        yield "def %s(%s):\n    return %s\n" % (name, parameters, expression)
    if count == 2:
        for operator in ("+", "-", "*", "//", "%"):
            yield "def %s(%s):\n    return a0 %s a1\n" % (name, parameters, operator)


def fits(source, examples):
    """Whether a program returns what the examples say."""
    scope = {}
    exec(source, scope)
    for name, values, expected in examples:
        try:
            if scope[name](*values) != expected:
                return False
        except Exception:
            return False
    return True


def solve(prompt):
    known = [source for name, source in KNOWN.items() if name in prompt]
    if known:
        return known[0]
    examples = read_examples(prompt)
    if not examples:
        return "pass"
    name, values, _ = examples[0]
    best = next((s for s in candidates(name, len(values)) if fits(s, examples)), None)
    return best or "def %s(*arguments):\n    return None\n" % name


def main():
    prompt = sys.argv[sys.argv.index("--task") + 1]
    print(solve(prompt))


if __name__ == "__main__":
    main()
