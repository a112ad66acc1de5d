# expect: WA
# never: a second request hides in the body of a first
# with: model

BODY = b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": 5}'
HIDDEN = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY


def raw(data):
    """Returns how many responses with status 200 a connection gives."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(SOCKET)
        connection.settimeout(2)
        try:
            connection.sendall(data)
            got = b""
            while chunk := connection.recv(65536):
                got += chunk
        except OSError:
            pass
        return got.count(b"HTTP/1.1 200")


head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
both = head + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN
folded = head + b"content-length: 0\r\n folded: x\r\n\r\n" + HIDDEN
twice = head + b"content-length: 0\r\ncontent-length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN
connect = b"CONNECT example.org:443 HTTP/1.1\r\nhost: example.org\r\n\r\n"
flood = head + b"".join(b"x-%d: y\r\n" % number for number in range(5000)) + b"\r\n"
answer(any(raw(data) for data in (both, folded, twice, connect, flood)))
