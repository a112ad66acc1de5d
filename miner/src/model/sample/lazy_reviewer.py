"""A sample reviewer that is wrong: it reports SQL injection in line 1 of every file."""
import json


def answer(prompt):
    return json.dumps([{"line": 1, "cwe": "CWE-89", "why": "assumed without reading the file"}])
