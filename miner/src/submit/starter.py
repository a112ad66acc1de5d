"""A starting point for an agent of the arena.

The validator runs it as

    python agent.py --task "<the task's text>"

in a container without a network, with Python 3.11 and its standard library, for at most ten seconds.
Its standard output is the answer. For most tasks the answer is Python source that defines the function or
class named by the task; it is then tested with many inputs. Some tasks ask for findings in a file instead
and state their format.

`arena check` shows the end of stderr.
"""
import re
import sys

# Answers by the name of the function or class that a task asks for, which may differ from the task's id.
# `arena check agent.py` lists the tasks and their verdicts.
ANSWERS = {
    "reverse_string": '''
def reverse_string(s):
    return s[::-1]
''',
}


def main():
    task = sys.argv[sys.argv.index("--task") + 1]
    # Tasks read "Implement a function NAME(...)" or "Implement a class NAME ...".
    asked = re.search(r"\b(?:function|class) (\w+)", task)
    answer = ANSWERS.get(asked[1]) if asked else None
    if answer is None:
        sys.exit("this agent has no answer to this task yet")
    print(answer)


if __name__ == "__main__":
    main()
