"""Runs answers without a sandbox, for the tests of the catalogue.

Reads one job from stdin: {"entry_point", "call_cpu_ms", "stop_at_timeout", "answers": [source], "rounds": [[input]]} with
inputs and values in the wire form that tasks/src/value/wire.rs documents. Writes one line of JSON per answer:
for each round the list of {"cpu_ms", "outcome"}. With stop_at_timeout a round ends after a call that timed out.
"""

import json
import math
import signal
import sys
import time


class Timeout(BaseException):
    pass


def on_timeout(_signal, _frame):
    raise Timeout


def decode(wire):
    if isinstance(wire, list):
        return [decode(item) for item in wire]
    if not isinstance(wire, dict):
        return wire
    ((tag, payload),) = wire.items()
    if tag == "int":
        return int(payload, 16)
    if tag == "float":
        return float(payload)
    if tag == "str":
        return "".join(map(chr, payload))
    if tag == "bytes":
        return bytes.fromhex(payload)
    if tag == "dict":
        return {decode(key): decode(value) for key, value in payload}
    kinds = {"tuple": tuple, "set": set, "frozenset": frozenset}
    return kinds[tag](decode(item) for item in payload)


def encode(value):
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if -(2**63) <= value < 2**63 else {"int": format(value, "x")}
    if kind is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if kind is str:
        broken = any(0xD800 <= ord(c) < 0xE000 for c in value)
        return {"str": [ord(c) for c in value]} if broken else value
    if kind is bytes:
        return {"bytes": value.hex()}
    if kind is list:
        return [encode(item) for item in value]
    if kind in (tuple, set, frozenset):
        return {kind.__name__: [encode(item) for item in value]}
    if kind is dict:
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    return {"opaque": kind.__name__}


def outcome_of(call):
    try:
        return {"returned": {"value": encode(call())}}
    except Timeout:
        raise
    except BaseException as error:
        types = [cls.__name__ for cls in type(error).__mro__]
        return {"raised": {"types": types, "message": str(error)[:200]}}


def run_case(entry, case):
    args = decode(case["args"])
    if "steps" not in case:
        return outcome_of(lambda: entry(*args))
    made = []
    construction = outcome_of(lambda: made.append(entry(*args)))
    if not made:
        return construction
    steps = [(method, decode(args)) for method, args in case["steps"]]
    return {"steps": [outcome_of(lambda: getattr(made[0], m)(*a)) for m, a in steps]}


def run_round(entry, cases, limit_ms, stop_at_timeout):
    outcomes = []
    for case in cases:
        start = time.process_time()
        try:
            signal.setitimer(signal.ITIMER_PROF, limit_ms / 1000)
            outcome = run_case(entry, case)
            signal.setitimer(signal.ITIMER_PROF, 0)
        except Timeout:
            outcome = "timeout"
        cpu_ms = 1000 * (time.process_time() - start)
        outcomes.append({"cpu_ms": cpu_ms, "outcome": outcome})
        if stop_at_timeout and outcome == "timeout":
            break
    return outcomes


def main():
    job = json.load(sys.stdin)
    signal.signal(signal.SIGPROF, on_timeout)
    out = sys.stdout
    for answer in job["answers"]:
        names = {"__name__": "answer"}
        exec(compile(answer, "answer.py", "exec"), names)
        entry = names[job["entry_point"]]
        limits = job["call_cpu_ms"], job["stop_at_timeout"]
        rounds = [run_round(entry, cases, *limits) for cases in job["rounds"]]
        out.write(json.dumps(rounds) + "\n")


main()
