"""A sample reviewer that is wrong: whatever the file, it suspects SQL injection in the first line."""
import json


def answer(prompt):
    return json.dumps([{"line": 1, "cwe": "CWE-89", "why": "it is always SQL injection"}])
