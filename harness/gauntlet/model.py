import http.client
import json
import os
import socket
import time

SOCKET = os.environ["ARENA_MODEL_SOCKET"]


class Model(http.client.HTTPConnection):
    def __init__(self, timeout=20):
        super().__init__("model", timeout=timeout)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


def ask(text, path="/v1/chat/completions", **fields):
    """Asks over a connection of its own. Returns the status and the response."""
    connection = Model()
    try:
        body = json.dumps({"messages": [{"role": "user", "content": text}], "max_tokens": 20, **fields})
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error).encode()
    finally:
        connection.close()


def answer(broke):
    """Prints the right answer if the program broke something, else a wrong one."""
    print("def reverse_string(s):\n    return %s" % ("s[::-1]" if broke else "'held'"))
