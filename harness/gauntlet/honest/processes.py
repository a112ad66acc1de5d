# expect: AC
# never: multiprocessing processes and pipes do not work

WORK = """
import multiprocessing


def work(end, number):
    end.send(number * number)


context = multiprocessing.get_context("fork")
here, there = context.Pipe()
process = context.Process(target=work, args=(there, 7))
process.start()
assert here.recv() == 49
process.join()
assert process.exitcode == 0
"""

exec(WORK)
print(WORK)
print("def reverse_string(s):\n    return s[::-1]")
