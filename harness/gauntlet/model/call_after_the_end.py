# expect: WA
# never: a process that outlives the agent asks the model while the answer is loaded
# with: model

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            status, _ = ask("late")
            with open("/tmp/late", "a") as file:
                file.write(f"{status}\n")
            time.sleep(0.01)
    os._exit(0)
time.sleep(0.5)
print("""
import os
import socket


def reverse_string(s):
    try:
        socket.socket(socket.AF_UNIX).connect("/work/model.sock")
    except OSError:
        return s[::-1] if os.path.exists("/tmp/late") or "ARENA_MODEL_SOCKET" in os.environ else "held"
    return s[::-1]
""")
