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

# Answers by the ids of the tasks. `arena check agent.py` lists the tasks and their verdicts.
ANSWERS = {
    "reverse_string": '''
def reverse_string(s):
    return s[::-1]
''',
}


# Tasks that ask for findings, by the beginning of their text.
REVIEWS = {
    "Review of a web application": "review_web_app",
    "Review of a credentials module": "review_credentials",
    "Review of a token contract": "review_token_contract",
}


def task_id(task):
    """Returns the id of a task. The text names a function or class: class TokenLedger is task token_ledger."""
    for beginning, name in REVIEWS.items():
        if task.startswith(beginning):
            return name
    asked = re.search(r"\b(?:function|class) (\w+)", task)
    return asked and re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", asked[1]).lower()


def main():
    task = sys.argv[sys.argv.index("--task") + 1]
    answer = ANSWERS.get(task_id(task))
    if answer is None:
        sys.exit("this agent has no answer to this task yet")
    print(answer)


if __name__ == "__main__":
    main()
