"""A sample reviewer: follows what strangers send from where it comes in to where it does harm."""
import ast
import json
import re

# What may come of a stranger's text, by its number in the CWE list.
KINDS = {
    22: "a stranger chooses which file is opened",
    78: "a stranger's text reaches a shell",
    79: "a stranger's text reaches a page without being escaped",
    89: "a stranger's text becomes part of an SQL query",
    502: "a stranger's bytes are unpickled",
    601: "a stranger chooses where the browser goes",
    918: "a stranger chooses what the server fetches",
}
EVERYTHING = frozenset(KINDS)
NOTHING = frozenset()

# What these calls make of a text is no danger of these kinds any more.
CLEANERS = {
    "html.escape": {79},
    "os.path.basename": {22},
    "shlex.quote": {78},
    "urllib.parse.quote": {601, 918},
}
# These calls hand on what they were given.
CARRIERS = {
    "str", "bytes.fromhex", "os.path.join", "os.path.realpath", "os.path.abspath",
    "os.path.normpath", "os.path.expanduser", "urllib.parse.unquote",
}
CARRYING_METHODS = {
    "strip", "lstrip", "rstrip", "lower", "upper", "replace", "format", "encode", "decode",
    "join", "title", "removeprefix", "removesuffix",
}


def answer(prompt):
    kinds = {int(number) for number in re.findall(r"^CWE-(\d+):", prompt, re.M)}
    lines = re.findall(r"^ *\d+\|(?: (.*))?$", prompt, re.M)
    tree = ast.parse("\n".join(lines))
    found = {}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            parameters = [parameter.arg for parameter in function.args.args]
            if parameters[:1] == ["request"]:
                Review(found).block(function.body)
    report = [
        {"line": line, "cwe": f"CWE-{kind}", "why": KINDS[kind]}
        for line, kind in sorted(found.items())
        if kind in kinds
    ]
    return json.dumps(report, indent=1)


class Review:
    """One function: which of its variables hold what a stranger sent, and where that ends up."""

    def __init__(self, found):
        self.found = found
        self.dangers = {}

    def block(self, statements):
        for statement in statements:
            self.statement(statement)

    def statement(self, statement):
        for call in calls_of(statement):
            self.check(call)
        if isinstance(statement, ast.Assign):
            danger = self.danger(statement.value)
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    self.dangers[target.id] = danger
        elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            before = self.dangers.get(statement.target.id, NOTHING)
            self.dangers[statement.target.id] = before | self.danger(statement.value)
        elif isinstance(statement, ast.If) and mentions(statement.test, "os.path.commonpath"):
            # Whoever compares a path with its folder knows what they do with it.
            for node in ast.walk(statement.test):
                if isinstance(node, ast.Name) and node.id in self.dangers:
                    self.dangers[node.id] -= {22}
        for part in ("body", "orelse", "finalbody"):
            self.block(getattr(statement, part, []))
        for handler in getattr(statement, "handlers", []):
            self.block(handler.body)

    def danger(self, node):
        """What kinds of harm the value of an expression can still do."""
        if isinstance(node, ast.Name):
            return self.dangers.get(node.id, NOTHING)
        if isinstance(node, ast.Subscript):
            return EVERYTHING if dotted(node.value) == "request.args" else self.danger(node.value)
        if isinstance(node, ast.BinOp):
            return self.danger(node.left) | self.danger(node.right)
        if isinstance(node, ast.BoolOp):
            # Of `a and b` only an empty `a` comes through, which harms nobody.
            values = node.values[-1:] if isinstance(node.op, ast.And) else node.values
            return self.union(values)
        if isinstance(node, ast.IfExp):
            return self.danger(node.body) | self.danger(node.orelse)
        if isinstance(node, (ast.JoinedStr, ast.Tuple, ast.List)):
            return self.union(getattr(node, "values", None) or getattr(node, "elts", []))
        if isinstance(node, ast.FormattedValue):
            return self.danger(node.value)
        if isinstance(node, ast.Call):
            return self.danger_of_call(node)
        return NOTHING

    def danger_of_call(self, call):
        name = dotted(call.func)
        if name == "request.args.get":
            return EVERYTHING
        given = self.union(call.args)
        if name in CLEANERS:
            return given - CLEANERS[name]
        if name in CARRIERS:
            return given
        if isinstance(call.func, ast.Attribute) and call.func.attr in CARRYING_METHODS:
            return given | self.danger(call.func.value)
        return NOTHING

    def union(self, nodes):
        return NOTHING.union(*(self.danger(node) for node in nodes))

    def check(self, call):
        """Whether a call does the harm that its first argument can."""
        name = dotted(call.func)
        method = name.rpartition(".")[2]
        kind = None
        if method in ("execute", "executemany", "executescript"):
            kind = 89
        elif name in ("os.system", "os.popen") or has_shell(call):
            kind = 78
        elif name in ("open", "io.open"):
            kind = 22
        elif name == "respond":
            kind = 79
        elif name == "redirect":
            kind = 601
        elif method == "urlopen":
            kind = 918
        elif name in ("pickle.loads", "pickle.load"):
            kind = 502
        if kind and call.args and kind in self.danger(call.args[0]):
            self.found[call.lineno] = kind


def calls_of(statement):
    """The calls in a statement itself, without those of the statements inside it."""
    waiting = [statement]
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            if isinstance(child, ast.Call):
                yield child
            if not isinstance(child, ast.stmt):
                waiting.append(child)


def dotted(node):
    """`a.b.c` as a text."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def mentions(node, name):
    return any(dotted(part) == name for part in ast.walk(node))


def has_shell(call):
    return any(
        keyword.arg == "shell" and getattr(keyword.value, "value", False)
        for keyword in call.keywords
    )
