"""A sample reviewer of Solidity contracts: it checks each function line by line."""
import json
import re

KINDS = {
    190: "the difference or product can overflow",
    252: "the result of the payment is not checked",
    284: "a function for the owner may be called by anyone",
    338: "a block producer can predict or choose the random number",
    670: "one account that refuses a payment blocks all others",
    829: "the caller chooses the code that is run",
    841: "the balance is reduced after the payment",
}


def answer(prompt):
    kinds = {int(number) for number in re.findall(r"^CWE-(\d+):", prompt, re.M)}
    lines = [
        (int(number), line)
        for number, line in re.findall(r"^ *(\d+)\|(?: (.*))?$", prompt, re.M)
    ]
    report = []
    for function in functions(lines):
        found = {}
        for line, kind in weaknesses(function):
            found.setdefault(kind, line)
        report += [(line, kind) for kind, line in found.items() if kind in kinds]
    return json.dumps(
        [
            {"line": line, "cwe": f"CWE-{kind}", "why": KINDS[kind]}
            for line, kind in sorted(report)
        ],
        indent=1,
    )


def functions(lines):
    """Yields each function as a list of numbered lines, beginning with its head."""
    inside = []
    for number, line in lines:
        if inside or re.match(r"\s*function\b.*{\s*$", line):
            inside.append((number, line))
            depth = sum(text.count("{") - text.count("}") for _, text in inside)
            if depth == 0:
                yield inside
                inside = []


def weaknesses(function):
    (first, head), body = function[0], function[1:]
    parameters = re.findall(r"(\w+)\s*[,)]", head.split("returns")[0])
    guarded = "onlyOwner" in head or any("msg.sender == owner" in line for _, line in body)
    required = ""
    paid = None
    loops = []
    for number, line in body:
        text = line.strip()
        indent = len(line) - len(text)
        if re.match(r"(for|while)\b.*{$", text):
            loops.append(indent)
        elif loops and text == "}" and indent == loops[-1]:
            loops.pop()
        if text.startswith("require("):
            required += text
        if re.match(r"owner = |.*address\(this\)\.balance", text) and not guarded:
            yield first, 284
        if re.match(r"[\w.()\[\]]+\.(send\(|call{)", text) and not text.startswith("require"):
            yield number, 252
        if "blockhash(" in text or "block." in text and ("keccak256" in text or "%" in text):
            yield number, 338
        if loops and ".transfer(" in text:
            yield number, 670
        called = re.search(r"(\w+)\.delegatecall\(", text)
        if called and called[1] in parameters:
            yield number, 829
        if ".call{value:" in text and "=" in text.split(".call")[0]:
            paid = number
        lowered = re.match(r"balances\[msg\.sender\] (-=|=) ", text)
        if lowered and paid:
            yield paid, 841
        if lowered and lowered[1] == "-=" and "balances[msg.sender]" not in required:
            yield number, 190
        if re.search(r"\w \* \w", text) and "/" not in required:
            yield number, 190
