# expect: AC
# never: sqlite3 (in memory or in the work directory), dbm, pickle or shelve does not work

WORK = """
import pickle
import shelve
import sqlite3

for place in (":memory:", "/work/base"):
    base = sqlite3.connect(place)
    base.execute("create table t (a integer, b text)")
    base.executemany("insert into t values (?, ?)", [(number, str(number)) for number in range(100)])
    base.commit()
    assert base.execute("select sum(a) from t").fetchone() == (4950,)
    base.close()
assert pickle.loads(pickle.dumps({1: (2, [3])})) == {1: (2, [3])}
with shelve.open("/work/shelf") as shelf:
    shelf["a"] = [1]
"""

exec(WORK)
print(WORK)
print("def reverse_string(s):\n    return s[::-1]")
