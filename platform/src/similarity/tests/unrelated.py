"""An agent that fills templates by the words of the prompt."""

import sys
from collections import Counter, namedtuple

Rule = namedtuple("Rule", "words template weight")

RULES = [
    Rule({"reverse", "string"}, "def {f}(s):\n    return s[::-1]\n", 3),
    Rule({"fizz", "buzz"}, "def {f}(n):\n    return [('Fizz' * (not i % 3) + 'Buzz' * (not i % 5)) or str(i) for i in range(1, n + 1)]\n", 5),
    Rule({"factorial"}, "import math\n{f} = math.factorial\n", 2),
    Rule({"count", "words"}, "from collections import Counter\ndef {f}(t):\n    return dict(Counter(t.split()))\n", 2),
]


class Chooser:
    def __init__(self, rules):
        self.rules = rules
        self.seen = Counter()

    def feed(self, prompt):
        for line in prompt.splitlines():
            self.seen.update(w.strip("`.,:()") for w in line.lower().split())
        return self

    def score(self, rule):
        hits = rule.words & set(self.seen)
        return rule.weight * len(hits) - len(rule.words - hits)

    def best(self):
        return max(self.rules, key=self.score)


def entry_point(prompt):
    start = prompt.find("`")
    end = prompt.find("(", start)
    return prompt[start + 1 : end] if 0 <= start < end else "solve"


class Memory(dict):
    """The table of answers that were found before."""

    def __missing__(self, key):
        value = self[key] = Chooser(RULES).feed(key).best()
        return value


def report(stream, *parts):
    while parts:
        part, *parts = parts
        stream.write(str(part))
        if not parts:
            break
        stream.write(" ")
    stream.flush()


if len(sys.argv) < 3:
    report(sys.stderr, "usage: agent.py --task PROMPT\n")
    raise SystemExit(2)

task = sys.argv[2]
rule = Memory()[task]
report(sys.stdout, rule.template.replace("{f}", entry_point(task)))
