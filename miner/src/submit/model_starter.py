"""An agent of the arena that asks a language model while it runs.

The validator runs it as

    python agent.py --task "<the task's text>"

in a container without a network. The model is behind a UNIX socket, and speaks the chat API that most libraries know.
There is no key and no name to give: the connection belongs to this trial. `GET /v1/usage` says what is left of its
budget.

This agent asks for an answer, tries it on the examples in the task, shows the model what went wrong once, and prints
the last answer. Change how it asks: that is the whole game.
"""
import ast
import http.client
import json
import os
import re
import socket
import sys

ASKED = re.compile(r"\b(?:function|class) (\w+)")
EXAMPLE = re.compile(r"(\w+\([^\n]*\)) (?:->|==|returns) ([^\n]+?)\.?$", re.MULTILINE)


class Model(http.client.HTTPConnection):
    """An HTTP connection over the socket that leads to the model."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["ARENA_MODEL_SOCKET"])

    def ask(self, messages):
        body = json.dumps({"messages": messages, "max_tokens": 2000, "temperature": 0})
        self.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        response = self.getresponse()
        reply = json.loads(response.read())
        if response.status != 200:
            sys.exit(f"the model did not answer: {reply}")
        return reply["choices"][0]["message"]["content"]


def code_in(reply):
    """Returns the longest fenced block of a reply, or all of it."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", reply, re.DOTALL | re.MULTILINE)
    return max(blocks, key=len, default=reply)


def complaint(code, task):
    """Returns what is wrong with an answer, as far as the task's text shows; empty if nothing."""
    names, name = {}, ASKED.search(task)[1]
    try:
        exec(compile(code, "answer", "exec"), names)
        if name not in names:
            return f"it does not define {name}"
        for call, result in EXAMPLE.findall(task):
            try:
                expected = ast.literal_eval(result)
            except (ValueError, SyntaxError):
                continue  # it is described in words
            if (got := eval(call, names)) != expected:
                return f"{call} returned {got!r}, and {expected!r} is right"
    except (Exception, SystemExit) as error:
        return f"it raised {type(error).__name__}: {error}"
    return ""


def main():
    task = sys.argv[sys.argv.index("--task") + 1]
    model = Model("model")
    question = f"{task}\n\nReply with the whole answer in one fenced block."
    messages = [{"role": "user", "content": question}]
    reply = model.ask(messages)
    if ASKED.search(task) and (wrong := complaint(code_in(reply), task)):
        messages += [{"role": "assistant", "content": reply}, {"role": "user", "content": f"Repair this: {wrong}."}]
        reply = model.ask(messages)
    print(code_in(reply))


if __name__ == "__main__":
    main()
