# expect: WA
# never: an agent that sends its request for ever holds anything up
# with: model

held = []
for number in range(150):
    connection = socket.socket(socket.AF_UNIX)
    connection.setblocking(False)
    try:
        connection.connect(SOCKET)
        connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n")
        connection.send(b" " * 100000)
    except OSError:
        pass
    held.append(connection)
held[0].shutdown(socket.SHUT_WR)
time.sleep(2)
answer(False)
