"""The calls of a benchmark in bare Python processes: no isolation, nothing judged. What remains is the floor.

Usage: bare.py DATA PROCESSES, where DATA is HumanEval+ as JSONL.
"""

import json
import multiprocessing
import sys


def run(line):
    problem = json.loads(line)
    names = {}
    exec(problem["prompt"] + problem["canonical_solution"], names)
    function = names[problem["entry_point"]]
    for arguments in problem["base_input"] + problem["plus_input"]:
        function(*arguments)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        lines = file.readlines()
    with multiprocessing.Pool(int(sys.argv[2])) as pool:
        for _ in pool.imap_unordered(run, lines, chunksize=1):
            pass
