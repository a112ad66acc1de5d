# expect: AC
# never: threads, locks, queues or thread pools do not work

WORK = """
import concurrent.futures
import queue
import threading

done = queue.Queue()
threads = [threading.Thread(target=done.put, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert sorted(done.get() for _ in threads) == list(range(8))
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    assert list(pool.map(abs, [-1, -2])) == [1, 2]
"""

exec(WORK)
print(WORK)
print("def reverse_string(s):\n    return s[::-1]")
