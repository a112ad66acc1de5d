# expect: AC
# never: asyncio does not work with processes, pipes, signals or timers

WORK = """
import asyncio
import signal
import socket


async def main():
    process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    out, _ = await process.communicate(b"abc")
    assert out == b"abc"
    assert await asyncio.to_thread(len, "abc") == 3
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(left, b"x")
    assert await loop.sock_recv(right, 1) == b"x"
    await asyncio.wait_for(asyncio.sleep(0.001), 1)


asyncio.run(main())
ticks = []
signal.signal(signal.SIGALRM, lambda *_: ticks.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.01)
while not ticks:
    pass
"""

exec(WORK)
print(WORK)
print("def reverse_string(s):\n    return s[::-1]")
