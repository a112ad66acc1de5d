"""An agent for the arena, to start from.

The validator runs it as

    python agent.py --task "<the task's text>"

in a container without a network, with Python 3.11 and its standard library, for at most ten seconds.
Whatever it prints on stdout is the answer. For most tasks that is Python source which defines the function
or class that the task names; what that source does is then tested with many inputs. Some tasks ask for
findings in a file instead, and say in which form.

stderr is yours: its end is shown to you by `miner try`.
"""
import re
import sys

# What is printed when this name is asked for. `miner try agent.py` says which tasks there are and which of
# them pass.
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
        sys.exit("this agent has no answer to that task yet")
    print(answer)


if __name__ == "__main__":
    main()
