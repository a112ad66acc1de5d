# expect: WA
# never: an outcome is interpreted as anything but a value to be judged
# with: frames

print(FRAMES + r"""
import __main__

CLAIMS = [
    {"verdict": "AC"}, {"returned": {"expected": True}}, {"returned": "x", "verdict": "AC"}, {"accepted": None},
    "accepted", True, 1, {"steps": [{"returned": "x"}]}, {"returned": {"dict": [[1]]}}, {"returned": {"set": [[]]}},
    {"digest": 64 * "0"}, {"digest": "x"}, {"digest": None}, {"returned": {"bytes": "zz"}}, {"returned": {"float": "snan"}},
    {"returned": {"int": "-"}},
]


def reverse_string(s):
    return "held"


# The driver's code in this process sends whatever its replaced function returns.
__main__.call = lambda entry_point, request: json.dumps(CLAIMS[len(request["args"][0]) % len(CLAIMS)])

""")
