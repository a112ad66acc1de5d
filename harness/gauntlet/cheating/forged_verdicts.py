# expect: WA
# never: an outcome is anything but a value to be judged
# with: frames

print(FRAMES + r"""
json_dumps, CLAIMS = json.dumps, [
    {"verdict": "AC"}, {"returned": {"expected": True}}, {"returned": "x", "verdict": "AC"}, {"accepted": None},
    "accepted", True, 1, {"steps": [{"returned": "x"}]}, {"returned": {"dict": [[1]]}}, {"returned": {"set": [[]]}},
    {"digest": 64 * "0"}, {"digest": "x"}, {"digest": None}, {"returned": {"bytes": "zz"}}, {"returned": {"float": "snan"}}, {"returned": {"int": "-"}},
]


def reverse_string(s):
    json.dumps = lambda *_, **__: json_dumps(CLAIMS[len(s) % len(CLAIMS)])
    return "held"

""")
