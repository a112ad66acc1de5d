# expect: WA
# never: connections that are opened and closed at once are a fault of the arena
# with: model

until = time.monotonic() + 5
while time.monotonic() < until:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(SOCKET)
        connection.send(b"GET /v1/usage HTTP/1.1\r\n")
    except OSError:
        pass
    connection.close()
answer(False)
