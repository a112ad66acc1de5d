"""A sample reviewer of web handlers: it follows untrusted input from the request to dangerous calls."""
import ast
import json
import re

# Reported weaknesses by CWE number.
KINDS = {
    22: "untrusted input chooses the file that is opened",
    78: "untrusted input reaches a shell",
    79: "untrusted input reaches a page without being escaped",
    89: "untrusted input becomes part of an SQL query",
    502: "untrusted bytes are unpickled",
    601: "untrusted input chooses the target of a redirect",
    918: "untrusted input chooses the URL that the server fetches",
}
EVERYTHING = frozenset(KINDS)
NOTHING = frozenset()

# The results of these calls are safe with regard to these weaknesses.
CLEANERS = {
    "html.escape": {79},
    "os.path.basename": {22},
    "shlex.quote": {78},
    "urllib.parse.quote": {601, 918},
}
# The results of these calls are as dangerous as their arguments.
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
    """Tracks which variables of one function hold untrusted input, and the calls that they reach."""

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
            # A path that is compared with its directory counts as checked.
            for node in ast.walk(statement.test):
                if isinstance(node, ast.Name) and node.id in self.dangers:
                    self.dangers[node.id] -= {22}
        for part in ("body", "orelse", "finalbody"):
            self.block(getattr(statement, part, []))
        for handler in getattr(statement, "handlers", []):
            self.block(handler.body)

    def danger(self, node):
        """Returns the weaknesses that the value of an expression can cause."""
        if isinstance(node, ast.Name):
            return self.dangers.get(node.id, NOTHING)
        if isinstance(node, ast.Subscript):
            return EVERYTHING if dotted(node.value) == "request.args" else self.danger(node.value)
        if isinstance(node, ast.BinOp):
            return self.danger(node.left) | self.danger(node.right)
        if isinstance(node, ast.BoolOp):
            # `a and b` is `b` or a falsy `a`, which is harmless.
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
        """Records a call that passes a dangerous first argument."""
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
    """Yields the calls of a statement, without those of nested statements."""
    waiting = [statement]
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            if isinstance(child, ast.Call):
                yield child
            if not isinstance(child, ast.stmt):
                waiting.append(child)


def dotted(node):
    """Returns `a.b.c` as text, or an empty text for other expressions."""
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
