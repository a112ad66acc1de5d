"""A sample reviewer of modules that keep secrets: it checks every call that uses one."""
import ast
import json
import re

KINDS = {
    208: "the time of the comparison depends on the secret",
    295: "the TLS connection does not verify its peer",
    338: "the secret comes from a predictable generator",
    532: "the secret is written to a log",
    732: "every user may read the file with the secret",
    798: "the secret is part of the source",
    916: "the password is hashed once with a fast function",
}
SECRETS = {"password", "secret", "token", "key", "passphrase", "pin"}
FAST_HASHES = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s"}
LOGGING = {"debug", "info", "warning", "error", "critical", "exception"}


def answer(prompt):
    kinds = {int(number) for number in re.findall(r"^CWE-(\d+):", prompt, re.M)}
    lines = re.findall(r"^ *\d+\|(?: (.*))?$", prompt, re.M)
    report = []
    for function in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(function, ast.FunctionDef):
            found = {}
            for line, kind in sorted(weaknesses(function)):
                found.setdefault(kind, line)
            report += [(line, kind) for kind, line in found.items() if kind in kinds]
    return json.dumps(
        [
            {"line": line, "cwe": f"CWE-{kind}", "why": KINDS[kind]}
            for line, kind in sorted(report)
        ],
        indent=1,
    )


def weaknesses(function):
    passwords = {"password"}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            if isinstance(target, ast.Name):
                if names(node.value) & passwords:
                    passwords.add(target.id)
                if target.id in SECRETS and is_text(node.value):
                    yield node.lineno, 798
            if isinstance(target, ast.Attribute) and switched_off(target.attr, node.value):
                yield node.lineno, 295
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
            if isinstance(node.left, ast.Name) and isinstance(node.comparators[0], ast.Name):
                yield node.lineno, 208
        elif isinstance(node, ast.Call):
            for kind in weaknesses_of_call(node, passwords):
                yield node.lineno, kind


def weaknesses_of_call(call, passwords):
    whole = ast.unparse(call.func)
    module, _, name = whole.rpartition(".")
    if whole == "ssl._create_unverified_context":
        yield 295
    if module == "random" and name not in ("shuffle", "seed"):
        yield 338
    if module == "hashlib" and name in FAST_HASHES and names(call) & passwords:
        yield 916
    if (whole == "print" or name in LOGGING) and any(shows(part) for part in call.args):
        yield 532
    if any(keyword.arg in SECRETS and is_text(keyword.value) for keyword in call.keywords):
        yield 798
    modes = {"os.chmod": 1, "os.open": 2}
    if whole in modes and len(call.args) > modes[whole]:
        mode = call.args[modes[whole]]
        if isinstance(mode, ast.Constant) and mode.value & 0o077:
            yield 732


def switched_off(attribute, value):
    off = {"check_hostname": "False", "verify_mode": "ssl.CERT_NONE"}
    return off.get(attribute) == ast.unparse(value)


def names(node):
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def shows(node):
    """Returns whether the secret itself is shown, and not only a value computed from it."""
    if isinstance(node, ast.Name):
        return node.id in SECRETS
    if isinstance(node, ast.Call):
        return False
    return any(shows(part) for part in ast.iter_child_nodes(node))


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
