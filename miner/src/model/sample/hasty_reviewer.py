"""A sample reviewer that is often right: it searches each line for patterns."""
import json
import re

PATTERNS = {
    22: r"open\(ROOT|os\.path\.join\(ROOT",
    78: r"os\.system\(|shell=True",
    89: r"execute\(f|% \$|SELECT.*\+",
    601: r"redirect\(request|redirect\(\w+\)",
}


def answer(prompt):
    kinds = {int(number) for number in re.findall(r"^CWE-(\d+):", prompt, re.M)}
    report = []
    for number, line in re.findall(r"^ *(\d+)\| (.*)$", prompt, re.M):
        for kind, pattern in PATTERNS.items():
            if kind in kinds and len(report) < 10 and re.search(pattern, line):
                report.append({"line": int(number), "cwe": f"CWE-{kind}", "why": "the line matches a pattern"})
                break
    return json.dumps(report, indent=1)
