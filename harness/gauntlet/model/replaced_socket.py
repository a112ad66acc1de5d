# expect: WA
# never: a socket that is replaced, linked or deleted leads anywhere else
# with: model

os.rename(SOCKET, SOCKET + ".moved")
os.symlink("/proc/1/fd/0", SOCKET)
for path in (SOCKET, "/proc/1/fd/3", "/proc/1/fd/5"):
    try:
        socket.socket(socket.AF_UNIX).connect(path)
    except OSError:
        pass
os.unlink(SOCKET)
listener = socket.socket(socket.AF_UNIX)
listener.bind(SOCKET)
listener.listen()
os.unlink(SOCKET + ".moved")
answer(False)
