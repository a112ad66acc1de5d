# expect: WA MLE
# never: bytes in sockets take memory that is not the container's
# with: model

pairs = []
try:
    while len(pairs) < 100:
        pair = socket.socketpair()
        for end in pair:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
            end.setblocking(False)
            try:
                while True:
                    end.send(bytes(1 << 16))
            except BlockingIOError:
                pass
        pairs.append(pair)
except OSError:
    pass
answer(False)
