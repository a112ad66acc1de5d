# expect: AC
# never: a recursion that Python allows overflows the stack

WORK = """
import sys
import threading


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


sys.setrecursionlimit(20_000)
threading.stack_size(64 << 20)
found = []
thread = threading.Thread(target=lambda: found.append(depth(15_000)))
thread.start()
thread.join()
assert found == [15_000]
"""

exec(WORK)
print(WORK)
print("def reverse_string(s):\n    return s[::-1]")
