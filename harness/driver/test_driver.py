"""Tests of the driver's parts that need no container. The gauntlet tests the whole."""

import collections
import decimal
import enum
import fractions
import json
import math
import os
import pathlib
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import types
import unittest
import unittest.mock

import driver


def there_and_back(value):
    """Returns a value after both crossings: encoded as a result, decoded as an argument."""
    return driver.decode(driver.encode(value).encode())


def called(*arguments):
    """Returns the outcome of a call, parsed as the host parses it."""
    return json.loads(driver.call(*arguments))


class SetUp(unittest.TestCase):
    """Each test forks from a process of its own, because the driver's processes change signal handlers."""

    def fork(self, prelude):
        code = (
            f"import os\n{prelude}\nimport driver\nreader, writer = os.pipe()\n"
            "driver.Processes().fork(writer, writer, [], lambda: os.write(1, b'nice %d' % os.nice(0)))\n"
            "os.close(writer)\nprint(os.read(reader, 64).decode())"
        )
        here = pathlib.Path(driver.__file__).parent
        return subprocess.run([sys.executable, "-c", code], cwd=here, capture_output=True, text=True)

    def test_child_is_nicer_than_the_driver_however_nice_that_is(self):
        self.assertEqual(self.fork("").stdout.strip(), f"nice {min(19, os.nice(0) + 10)}")
        self.assertEqual(self.fork("os.nice(12)").stdout.strip(), f"nice {min(19, os.nice(0) + 22)}")

    def test_child_that_cannot_be_set_up_ends_the_driver(self):
        ended = self.fork("def fail(_): raise OSError\nos.nice = fail")
        self.assertEqual(ended.returncode, 1)
        self.assertIn("a child process could not be set up", ended.stderr)


class PinnedCode(unittest.TestCase):
    def evictable(self, limit_bytes, pin):
        """Returns how many KiB of programs and libraries the kernel could take away from a driver."""
        # Limits of locked memory do not apply to root.
        code = (
            f"import os, resource, driver\nresource.setrlimit(resource.RLIMIT_MEMLOCK, ({limit_bytes},) * 2)\n"
            f"os.getuid() or os.setuid(65534)\n{pin}\nprint(open('/proc/self/smaps').read(), end='')"
        )
        here = pathlib.Path(driver.__file__).parent
        arguments = [sys.executable, "-B", "-c", code]
        ran = subprocess.run(arguments, cwd=here, capture_output=True, text=True, check=True)
        mapping, kib = None, {}
        for line in ran.stdout.splitlines():
            name, *rest = line.split()
            if "-" in name and len(rest) >= 4:
                private, is_file = rest[0].endswith("p"), rest[3] != "0"
                mapping = line if private and is_file and rest[0] != "---p" else None
            elif mapping and name in ("Size:", "Anonymous:"):
                kib.setdefault(mapping, {})[name] = int(rest[0])
            elif mapping and name == "VmFlags:" and "lo" in rest:
                del kib[mapping]
        return sum(of["Size:"] - of["Anonymous:"] for of in kib.values())

    def test_nothing_can_be_evicted_whatever_may_be_locked(self):
        self.assertGreater(self.evictable(0, "pass"), 1000)
        most = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
        for limit_bytes in (0, 1 << 16, 8 << 20, 64 << 20):
            if most == resource.RLIM_INFINITY or limit_bytes <= most:
                with self.subTest(limit_bytes=limit_bytes):
                    self.assertEqual(self.evictable(limit_bytes, "driver.pin_code()"), 0)


class Values(unittest.TestCase):
    def test_values_survive_encoding_and_decoding(self):
        values = [
            None, True, False, 0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**5000, 0.1, -0.0, 1e308,
            math.inf, -math.inf, "", "abc", "naïve 😀", "\ud800", "a\udfff\0", b"", b"\x00\xff", [], [[1], "a"], (), (1, (2,)),
            set(), {1, "a"}, frozenset({1, (2, 3)}), {}, {"a": 1, 2: [3], (4, None): {5: 6}},
        ]
        for index, value in enumerate(values):
            with self.subTest(index=index):
                back = there_and_back(value)
                self.assertEqual(back, value)
                self.assertIs(type(back), type(value))

    def test_nan_survives(self):
        self.assertTrue(math.isnan(there_and_back(math.nan)))

    def test_keeps_sign_of_zero_and_order_of_dict(self):
        self.assertEqual(math.copysign(1, there_and_back(-0.0)), -1)
        self.assertEqual(list(there_and_back({"b": 1, "a": 2})), ["b", "a"])

    def test_other_types_are_opaque(self):
        class Text(str):
            def __eq__(self, other):
                return True

            __hash__ = str.__hash__

        class Number(int):
            def __eq__(self, other):
                return True

        class Color(enum.Enum):
            RED = 1

        values = [
            Text("a"), Number(1), object(), len, iter([]), Ellipsis, {}.values(), range(3), Color.RED,
            collections.deque([1]), memoryview(b"ab").cast("b"), decimal.Decimal("sNaN"),
            fractions.Fraction(1, 1 << driver.MAX_FRACTION_BITS), decimal.Decimal("1e99999"),
        ]
        for value in values:
            self.assertEqual(json.loads(driver.encode(value)), {"opaque": type(value).__name__}, value)

    def test_values_of_other_types_cross_as_what_python_calls_them_equal_to(self):
        class Level(enum.IntEnum):
            LOW = 1

        class Name(str, enum.Enum):
            LOW = "low"

        class Base(list):
            def __iter__(self):
                return iter([9])

            def __getitem__(self, index):
                return 9

        Point = collections.namedtuple("Point", "x y")
        ordered = collections.OrderedDict(a=1)
        pairs = [
            (Level.LOW, 1), (Name.LOW, "low"), (Point(1, 2), (1, 2)), (Base([1, 2]), [1, 2]),
            (bytearray(b"a"), b"a"), (memoryview(b"ab")[::-1], b"ba"),
            ({1: 2}.keys(), {1}), ({1: 2}.items(), {(1, 2)}), (ordered.keys(), {"a"}), (ordered.items(), {("a", 1)}),
            (types.MappingProxyType({"a": 1}), {"a": 1}), (collections.UserDict(a=1), {"a": 1}),
            (collections.ChainMap({"a": 1}, {"a": 2, "b": 3}), {"a": 1, "b": 3}),
            (collections.UserList([1]), [1]), (collections.UserString("a"), "a"),
            (fractions.Fraction(1, 3), fractions.Fraction(1, 3)), (fractions.Fraction(4, 2), 2),
            (decimal.Decimal("0.50"), 0.5), (decimal.Decimal("0.1"), fractions.Fraction(1, 10)),
            (decimal.Decimal("-1E+2"), -100), (decimal.Decimal("Infinity"), math.inf),
            ([{Level.LOW: (decimal.Decimal(1),)}], [{1: (1,)}]),
        ]
        for value, expected in pairs:
            with self.subTest(value=value):
                back = there_and_back(value)
                self.assertEqual(back, expected)
                self.assertEqual(value, list(expected) if type(value) is Base else expected)
        self.assertTrue(math.isnan(there_and_back(decimal.Decimal("NaN"))))
        # Members of a view need not be hashable.
        self.assertEqual(json.loads(driver.encode({1: []}.items())), {"set": [{"tuple": [1, []]}]})

    def test_numbers_of_numpy_cross_as_numbers(self):
        class int64:
            def item(self):
                return 3

        with unittest.mock.patch.dict(sys.modules, numpy=types.SimpleNamespace(int64=int64)):
            self.assertEqual(driver.encode([int64()]), "[3]")
            self.assertEqual(driver.digest([int64()], 0), driver.digest([3], 0))

    def test_type_names_are_truncated_and_escaped(self):
        encoded = json.loads(driver.encode(type("a\n\x1b" + "b" * 1000, (), {})()))
        self.assertEqual(encoded["opaque"], "a\n\x1b" + "b" * 97)
        self.assertEqual(driver.text("a\ud800b", 2), "a\\ud800")

    def test_nesting_is_limited_to_the_depth_that_the_host_reads(self):
        def nested(depth):
            value = 1
            for _ in range(depth):
                value = [value]
            return value

        self.assertEqual(there_and_back(nested(driver.MAX_DEPTH)), nested(driver.MAX_DEPTH))
        self.assertIn("nested too deeply", driver.encode(nested(driver.MAX_DEPTH + 1)))
        cycle = []
        cycle.append(cycle)
        self.assertIn("nested too deeply", driver.encode(cycle))

    def test_objects_around_values_are_not_decoded(self):
        sent = '{"calls": [{"args": [{"tuple": [{"set": [1]}]}, {"dict": [[{"tuple": []}, {"int": "ff"}]]}]}, {"args": []}]}'
        expected = {"calls": [{"args": [({1},), {(): 255}]}, {"args": []}]}
        self.assertEqual(driver.decode(sent.encode()), expected)

    def test_dicts_of_collections_cross_as_dicts(self):
        for value in (collections.Counter("aab"), collections.OrderedDict(a=2, b=1), collections.defaultdict(int, a=2, b=1)):
            self.assertEqual(there_and_back(value), {"a": 2, "b": 1})

        class Named(dict):
            __module__ = "collections"

            def __eq__(self, other):
                return True

        Named.__name__ = "Counter"
        self.assertEqual(json.loads(driver.encode(Named(a=1))), {"opaque": "Counter"})

    def test_statements_are_json(self):
        statement = {"answer": {"stdout": "\x00\x7f\xff\"\\\n", "exit": None, "clean": True, "wall_ms": 12}, "types": ["A", "B"]}
        self.assertEqual(json.loads(driver.statement_json(statement)), statement)


class Digests(unittest.TestCase):
    def same(self, *values):
        digests = {driver.digest(value, 0) for value in values}
        self.assertEqual(len(digests), 1, values)
        self.assertNotIn(None, digests)

    def test_equal_values_have_the_same_digest(self):
        self.same(1, 1.0, True)
        self.same(0, -0.0, False)
        self.same([1, 2.0, True], [1.0, 2, 1])
        self.same(2**80, float(2**80))
        self.same({1, 2}, frozenset([2.0, True]))
        self.same({"a": 1, "b": 2}, {"b": 2.0, "a": True}, collections.OrderedDict(b=2, a=1), collections.Counter("abb"))
        self.same([(1, "a"), {2: [3.0]}], [(True, "a"), {2.0: [3]}])
        self.same({1: 2}.keys(), {1.0})
        self.same({1: 2}.items(), frozenset([(1, 2)]))
        self.same([0] * 99 + [1], [0] * 99 + [fractions.Fraction(1)], [decimal.Decimal(0)] * 99 + [decimal.Decimal("1.0")])
        self.same([collections.UserString("a"), bytearray(b"b")], ["a", b"b"])
        self.same(0.5, decimal.Decimal("0.5"), fractions.Fraction(1, 2))
        self.same([0] * 99 + [0.5], [0.0] * 99 + [fractions.Fraction(1, 2)])
        self.same([math.nan], [-math.nan], [decimal.Decimal("NaN")])
        self.same([1] * 99 + [math.inf], [True] * 99 + [math.inf])
        shared = "x" * 50
        self.same([shared, shared], [shared[:25] + "x" * 25, "x" * 50])

    def test_equal_lists_of_numbers_have_the_same_digest(self):
        zeros, last = [0] * 99, 2**53 - 1
        self.same([*zeros, 1], [*zeros, 1.0], [*zeros, True], [-0.0] * 99 + [1], [False] * 99 + [1])
        self.same([*zeros, last], [*zeros, float(last)])
        self.same([*zeros, 2**53], [*zeros, 2.0**53])
        self.same((*zeros, -(2**60)), (*zeros, -(2.0**60)))
        self.same([*zeros, 10**400], [-0.0] * 99 + [10**400])
        self.same([[*zeros, 1.0], 2], [[*zeros, 1], 2.0])

    def test_different_values_have_different_digests(self):
        values = [
            None, 0, 1, 2**64, "", "1", "\ud800", b"", b"1", [], [1], (), (1,), set(), {1}, {}, {1: 1}, {1: 2}, [[]], [()],
            [None], ["1"], [b"1"], [1, 2], [2, 1], {(): ()}, {1: (2,)}, {1: [2]}, [0] * 98, [0] * 99, (0,) * 99, ["0"] * 99,
        ]
        values += [0.5, 0.1, fractions.Fraction(1 << 60, 2), math.nan, math.inf, -math.inf, [0.5], [0.25]]
        values += [[0] * 99 + [last] for last in (1, -1, 0.5, 0.1, math.nan, math.inf, 2**53 - 1, 2**53, 2**53 + 1, 2**63, 10**400, None, "1", [], (1,))]
        self.assertEqual(len({driver.digest(value, 0) for value in values}), len(values))

    def test_values_without_canonical_form_have_no_digest(self):
        class Liar(int):
            def __eq__(self, other):
                return True

            __hash__ = int.__hash__

        deep = []
        for _ in range(5000):
            deep = [deep]
        cycle = []
        cycle.append(cycle)
        for value in (Liar(1), [Liar(1)], [1] * 99 + [Liar(1)], {Liar(1)}, ..., (..., []), deep, cycle, object(), 1j, fractions.Fraction(1, 3), {1: []}.items()):
            self.assertIsNone(driver.digest(value, 0))
        self.assertIsNone(driver.digest("x" * 100, 1000))

    def test_a_call_returns_a_digest_if_asked(self):
        returned = called(abs, {"args": [-3], "digest_over": 0})
        self.assertEqual(returned, {"digest": driver.digest(3, 0)})
        self.assertEqual(called(abs, {"args": [-3], "digest_over": 100}), {"returned": 3})
        self.assertEqual(called(list, {"args": [[0.5] * 99], "digest_over": 1}), {"returned": [0.5] * 99})
        self.assertIn("raised", called(abs, {"args": ["x"], "digest_over": 0}))


class Outcomes(unittest.TestCase):
    def test_a_call_returns_or_raises(self):
        self.assertEqual(called(abs, {"args": [-3]}), {"returned": 3})
        raised = called(abs, {"args": ["x"]})["raised"]
        self.assertEqual(raised["types"][0], "TypeError")
        for leaving in (SystemExit, KeyboardInterrupt, GeneratorExit):
            def leave():
                raise leaving(0)

            self.assertIn("raised", json.loads(driver.outcome_of(leave, [])))

    def test_steps_of_an_object_have_an_outcome_each(self):
        request = {"args": [], "steps": [["append", [1]], ["pop", []], ["pop", []], ["missing", []]]}
        steps = called(list, request)["steps"]
        self.assertEqual(steps[:2], [{"returned": None}, {"returned": 1}])
        self.assertEqual([step["raised"]["types"][0] for step in steps[2:]], ["IndexError", "AttributeError"])
        self.assertIn("raised", called(int, {"args": ["x"], "steps": []}))

    def test_names_the_line_of_the_answer_that_raised(self):
        answer = {}
        source = "import json\n\ndef f(x):\n    return g(x)\n\ndef g(x):\n    return json.loads(x)\n"
        exec(compile(source, driver.ANSWER_FILE, "exec"), answer)
        raised = json.loads(driver.outcome_of(answer["f"], ["{"]))["raised"]
        # The frames below it belong to the module `json`.
        self.assertEqual(raised["line"], 7)
        self.assertIsNone(called(abs, {"args": ["x"]})["raised"]["line"])
        try:
            compile("x = 1\ny = (\n", driver.ANSWER_FILE, "exec")
        except SyntaxError as error:
            self.assertEqual(driver.describe(error)["line"], 2)

        class Forged(Exception):
            @property
            def __traceback__(self):
                raise KeyboardInterrupt

        self.assertIsNone(driver.describe(Forged())["line"])

    def test_describes_an_exception_that_cannot_be_printed(self):
        class Silent(Exception):
            def __str__(self):
                raise SystemExit

        described = driver.describe(Silent())
        self.assertEqual(described["types"], ["Silent", "Exception", "BaseException", "object"])
        self.assertEqual(described["message"], "an exception that cannot be printed")
        self.assertEqual(len(driver.describe(Exception("x" * 5000))["message"]), 1000)

    def test_ending_reports_exit_status_or_signal(self):
        def ran(code):
            pid = os.fork()
            if pid == 0:
                code()
                os._exit(99)
            return driver.ending(os.waitpid(pid, 0)[1])

        self.assertEqual(ran(lambda: os._exit(3)), {"exit": 3, "signal": None})
        self.assertEqual(ran(lambda: os.kill(os.getpid(), signal.SIGKILL)), {"exit": None, "signal": 9})
        self.assertEqual(driver.ending(None), {"exit": None, "signal": None})


class Wiping(unittest.TestCase):
    def setUp(self):
        self.outside = tempfile.TemporaryDirectory()
        self.addCleanup(self.outside.cleanup)
        self.kept = pathlib.Path(self.outside.name, "kept")
        self.kept.write_text("kept")
        self.directory = os.path.join(self.outside.name, "work")
        os.mkdir(self.directory)

    def check(self):
        self.assertTrue(driver.wipe(self.directory))
        self.assertEqual(os.listdir(self.directory), [])
        self.assertEqual(self.kept.read_text(), "kept")

    def test_a_missing_directory_counts_as_empty(self):
        self.assertTrue(driver.wipe(os.path.join(self.directory, "none")))

    def test_removes_files_directories_links_pipes_and_odd_names(self):
        for name in ("a", "-rf", "a\nb", "\udcff", " ", "..."):
            os.makedirs(os.path.join(self.directory, name, name, "inner"))
        os.symlink(self.outside.name, os.path.join(self.directory, "up"))
        os.symlink("/nowhere", os.path.join(self.directory, "a", "broken"))
        os.symlink(".", os.path.join(self.directory, "a", "cycle"))
        os.mkfifo(os.path.join(self.directory, "fifo"))
        pathlib.Path(self.directory, "a", "file").write_text("x")
        os.link(self.kept, os.path.join(self.directory, "hard"))
        self.check()

    def test_removes_locked_directories(self):
        inner = os.path.join(self.directory, "a", "b", "c")
        os.makedirs(inner)
        for directory in (inner, os.path.dirname(inner), os.path.join(self.directory, "a"), self.directory):
            os.chmod(directory, 0)
        self.check()

    def test_removes_nesting_deeper_than_a_path(self):
        here = os.open(".", os.O_RDONLY)
        try:
            os.chdir(self.directory)
            for _ in range(1500):
                os.mkdir("d" * 100)
                os.chdir("d" * 100)
        finally:
            os.fchdir(here)
            os.close(here)
        self.check()


class FakeContainerCpu:
    def __init__(self, *readings):
        self.readings = list(readings)

    def seconds(self):
        return self.readings.pop(0) if len(self.readings) > 1 else self.readings[0]


class Time(unittest.TestCase):
    def test_reads_the_cpu_clock_of_a_process(self):
        clock = driver.CallClock(os.getpid(), FakeContainerCpu(None), 1000.0)
        before = clock.own()
        while time.process_time() - before < 0.05:
            pass
        self.assertGreaterEqual(clock.own() - before, 0.04)
        clock.restart()
        self.assertGreater(clock.left(), 999.0)

    def test_an_ended_process_uses_nothing_more(self):
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        self.assertEqual(driver.CallClock(gone.pid, FakeContainerCpu(None), 2.0).left(), 2.0)

    def test_cpu_time_of_children_counts_once_the_limit_has_passed_on_the_wall_clock(self):
        sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self.addCleanup(sleeper.communicate, b"\n")
        clock = driver.CallClock(sleeper.pid, FakeContainerCpu(5.0, 5.0 + 0.2), 0.1)
        time.sleep(0.11)
        self.assertLess(clock.left(), 0.0)
        idle = driver.CallClock(sleeper.pid, FakeContainerCpu(5.0, 5.0), 0.3)
        time.sleep(0.31)
        self.assertGreater(idle.left(), 0.0)

    def test_a_call_that_does_nothing_is_stopped(self):
        clock = driver.CallClock(os.getpid(), FakeContainerCpu(None), 1000.0)
        clock.limit = 0.05
        waited = {"7": (0.0, 0.0)}
        with unittest.mock.patch.object(driver, "scheduled_seconds", lambda: dict(waited)):
            self.assertGreater(clock.idle_left(), 0.0)
            time.sleep(0.06)
            self.assertGreater(clock.idle_left(), 0.0)
            time.sleep(0.11)
            waited["7"] = (0.0, 0.1)
            self.assertGreater(clock.idle_left(), 0.0)
            time.sleep(0.11)
            self.assertLessEqual(clock.idle_left(), 0.0)

    def test_usage_is_the_larger_of_both_counts(self):
        class Reaped:
            ru_utime, ru_stime, ru_maxrss = 0.25, 0.25, 100

        usage = driver.Usage(FakeContainerCpu(1.0, 3.0))
        usage.add(Reaped)
        self.assertEqual(usage.report()["cpu_ms"], 2000)
        self.assertEqual(usage.report()["peak_memory_bytes"], 102_400)
        usage = driver.Usage(FakeContainerCpu(None))
        usage.add(Reaped)
        self.assertEqual(usage.report()["cpu_ms"], 500)


class Pipes(unittest.TestCase):
    def test_does_not_wait_for_what_a_child_took_back(self):
        reader, writer = driver.readable_pipe()
        self.assertIsNone(driver.read_some(reader, 10))
        os.write(writer, b"x")
        back = os.open(f"/proc/self/fd/{writer}", os.O_RDONLY)
        self.assertEqual(os.read(back, 10), b"x")
        self.assertIsNone(driver.read_some(reader, 10))
        os.write(writer, b"y")
        self.assertEqual(driver.read_some(reader, 10), b"y")
        self.assertTrue(os.get_blocking(writer))
        os.close(writer)
        self.assertEqual(driver.read_some(reader, 10), b"")
        os.close(back)
        os.close(reader)


class FakeHost:
    def __init__(self):
        self.unsent = bytearray()

    def pass_on(self, frame):
        self.unsent += frame

    def flush(self):
        raise AssertionError("too little was queued for a flush")


def frame(tag, payload=b"null"):
    return struct.pack(">II", len(payload) + 4, tag) + payload


def from_host(tag, payload=b""):
    return struct.pack(">II", len(payload) + 4, tag) + payload


class Frames(unittest.TestCase):
    """Frames of the candidate. Due are LOADED, then 0, 1, 2."""

    def take(self, data, ready=True, value_bytes=100, values_bytes=1000, batch_end=3):
        calls = driver.Calls.__new__(driver.Calls)
        calls.host, calls.next, calls.loaded = FakeHost(), 0, ready
        calls.count, calls.batch_end = 3, batch_end
        calls.order = {"value_bytes": value_bytes}
        calls.values_left = values_bytes
        why, ready = calls.take_frames(bytearray(data), ready)
        return why, ready, calls.next, bytes(calls.host.unsent)

    def test_passes_on_outcomes_that_are_due(self):
        sent = frame(0, b"garbage") + frame(1)
        self.assertEqual(self.take(sent), (None, True, 2, sent))
        sent += frame(2)
        self.assertEqual(self.take(sent), ("done", True, 3, sent))

    def test_reads_nothing_after_the_last_outcome(self):
        sent = frame(0) + frame(1) + frame(2)
        self.assertEqual(self.take(sent + frame(3) + b"junk"), ("done", True, 3, sent))

    def test_rejects_an_outcome_whose_input_was_not_handed_over(self):
        self.assertEqual(self.take(frame(0) + frame(1), batch_end=1), ("turn", True, 1, frame(0)))

    def test_waits_for_the_rest_of_a_frame(self):
        self.assertEqual(self.take(frame(0)[:-1]), (None, True, 0, b""))
        self.assertEqual(self.take(frame(0)[:7]), (None, True, 0, b""))

    def test_rejects_frames_that_are_not_due(self):
        for wrong in (frame(1), frame(driver.STATEMENT), frame(driver.LOADED), frame(driver.REFUSED), struct.pack(">II", 3, 0)):
            self.assertEqual(self.take(wrong), ("turn", True, 0, b""))
        self.assertEqual(self.take(frame(0) + frame(0)), ("turn", True, 1, frame(0)))
        for wrong in (frame(0), frame(driver.STATEMENT)):
            self.assertEqual(self.take(wrong, ready=False), ("turn", False, 0, b""))

    def test_the_answer_is_loaded_or_refused_once(self):
        self.assertEqual(self.take(frame(driver.LOADED), ready=False), (None, True, 0, b""))
        refused = frame(driver.REFUSED, b'"missing"')
        self.assertEqual(self.take(refused, ready=False), ("done", False, 0, refused))

    def test_rejects_a_length_over_the_limit_at_once(self):
        self.assertEqual(self.take(struct.pack(">II", 0xFFFFFFFF, 0))[0], "value")
        self.assertEqual(self.take(struct.pack(">II", 105, 0))[0], "value")
        self.assertEqual(self.take(struct.pack(">II", 104, 0))[0], None)

    def test_limits_all_values_together(self):
        sent = frame(0, b"x" * 90) + frame(1, b"x" * 90)
        self.assertEqual(self.take(sent, values_bytes=150), ("values", True, 1, frame(0, b"x" * 90)))


class HostStreams(unittest.TestCase):
    def test_reads_commands_and_writes_statements(self):
        host = driver.Host.__new__(driver.Host)
        host.source, into = os.pipe()
        out, host.sink = os.pipe()
        os.set_blocking(host.sink, False)
        host.unsent = bytearray()
        body = json.dumps({"a": "é"}).encode()
        # A request to stop calls does nothing when there are none, and an agent that has ended has no connections.
        os.write(into, from_host(driver.STOP) + from_host(driver.RELAYED, b"late") + from_host(driver.COMMAND, body))
        self.assertEqual(host.command(), {"a": "é"})
        host.state(ready=True)
        host.flush()
        sent = os.read(out, 100)
        self.assertEqual(struct.unpack_from(">II", sent), (len(sent) - 4, driver.STATEMENT))
        self.assertEqual(json.loads(sent[8:]), {"ready": True})
        os.close(into)
        with self.assertRaises(SystemExit):
            host.command()
        for number in (host.source, host.sink, out):
            os.close(number)

    def test_refuses_to_run_except_as_process_1(self):
        ran = subprocess.run([sys.executable, driver.__file__], capture_output=True, text=True)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("only runs as process 1", ran.stderr)


class AgentsConnections(unittest.TestCase):
    """The relay, with both ends in this process."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        patched = unittest.mock.patch.object(driver, "MODEL_SOCKET", self.directory.name + "/model.sock")
        patched.start()
        self.addCleanup(patched.stop)
        host = driver.Host.__new__(driver.Host)
        host.source, self.into = os.pipe()
        self.out, host.sink = os.pipe()
        os.set_blocking(host.sink, False)
        os.set_blocking(self.out, False)
        host.unsent = bytearray()
        self.clock = unittest.mock.Mock()
        self.relay = driver.Relay(host, self.clock)
        for number in (host.source, self.into, self.out, host.sink):
            self.addCleanup(os.close, number)
        self.addCleanup(self.relay.close_all)
        self.received = bytearray()

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(driver.MODEL_SOCKET)
        return client

    def send(self, number, kind, data=b""):
        os.write(self.into, from_host(driver.RELAYED, struct.pack(">IB", number, kind) + data))

    def carry(self):
        """Lets the relay work until nothing is ready. Returns the frames that the host got: number, kind, data."""
        frames = []
        while True:
            readers = [self.relay.host.source, *self.relay.readers()]
            ready, writable, _ = select.select(readers, self.relay.writers(), [], 0)
            if not ready and not writable:
                return frames
            self.relay.serve(ready + writable)
            try:
                self.received += os.read(self.out, 1 << 20)
            except BlockingIOError:
                pass
            while len(self.received) >= 4 and len(self.received) >= (end := 4 + int.from_bytes(self.received[:4], "big")):
                _, tag, number, kind = struct.unpack_from(">IIIB", self.received)
                self.assertEqual(tag, driver.RELAYED)
                frames.append((number, kind, bytes(self.received[13:end])))
                del self.received[:end]

    def test_carries_bytes_both_ways(self):
        client = self.connect()
        client.send(b"question")
        self.assertEqual(self.carry(), [(0, driver.OPENED, b""), (0, driver.DATA, b"question")])
        self.send(0, driver.DATA, b"answer")
        self.assertEqual(self.carry(), [(0, driver.WINDOW, struct.pack(">I", 6))])
        self.assertEqual(client.recv(100), b"answer")
        self.send(0, driver.DATA, b"last")
        self.send(0, driver.CLOSED)
        self.carry()
        self.assertEqual(client.recv(100) + client.recv(100), b"last")
        self.assertEqual(self.relay.connections, {})

    def test_tells_the_host_when_the_agent_closes(self):
        self.connect().close()
        self.assertEqual(self.carry(), [(0, driver.OPENED, b""), (0, driver.CLOSED, b"")])
        client = self.connect()
        self.carry()
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(self.carry(), [(1, driver.CLOSED, b"")])
        # What the host sends meanwhile belongs to no connection.
        self.send(1, driver.DATA, b"late")
        self.send(1, driver.WINDOW, struct.pack(">I", 4))
        self.assertEqual(self.carry(), [])

    def test_reads_no_more_than_the_window(self):
        client = self.connect()
        client.setblocking(False)
        sent = 0
        for _ in range(100):
            try:
                sent += client.send(bytes(1 << 16))
            except BlockingIOError:
                pass
            frames = self.carry()
            sizes = sum(len(data) for _, kind, data in frames if kind == driver.DATA)
            self.assertLessEqual(sizes, driver.WINDOW_BYTES)
            if not sizes and sent > driver.WINDOW_BYTES:
                break
        self.assertEqual(self.relay.connections[0].credit, 0)
        self.send(0, driver.WINDOW, struct.pack(">I", 10))
        self.assertEqual(self.carry(), [(0, driver.DATA, bytes(10))])

    def test_holds_what_the_agent_does_not_read(self):
        client = self.connect()
        self.carry()
        # More than a socket takes: the agent's own window is all that fills up.
        taken = 0
        for _ in range(64):
            self.send(0, driver.DATA, bytes(1 << 14))
            taken += sum(struct.unpack(">I", data)[0] for _, kind, data in self.carry() if kind == driver.WINDOW)
        self.assertEqual(len(self.relay.connections[0].undelivered), 64 * (1 << 14) - taken)
        self.assertGreater(len(self.relay.connections[0].undelivered), 0)
        other = self.connect()
        other.send(b"x")
        self.assertEqual(self.carry(), [(1, driver.OPENED, b""), (1, driver.DATA, b"x")])

    def test_accepts_a_few_connections_at_a_time(self):
        clients = [self.connect() for _ in range(driver.MAX_CONNECTIONS + 1)]
        opened = [number for number, kind, _ in self.carry() if kind == driver.OPENED]
        self.assertEqual(opened, list(range(driver.MAX_CONNECTIONS)))
        clients[2].close()
        frames = self.carry()
        self.assertIn((2, driver.CLOSED, b""), frames)
        self.assertIn((driver.MAX_CONNECTIONS, driver.OPENED, b""), frames)

    def test_refuses_connections_beyond_those_of_a_trial(self):
        with unittest.mock.patch.object(driver, "ALL_CONNECTIONS", 2):
            for _ in range(2):
                self.connect().close()
                self.carry()
            self.assertEqual(self.relay.readers(), [])
            with self.assertRaises(ConnectionRefusedError):
                self.connect()

    def test_stops_reading_while_the_host_takes_nothing(self):
        self.relay.host.unsent += bytes(driver.WINDOW_BYTES + 1)
        self.connect()
        self.assertEqual(self.relay.readers(), [])

    def test_passes_the_clock_on(self):
        self.send(0, driver.CLOCK_STOPPED)
        self.send(0, driver.CLOCK_RUNS)
        self.carry()
        self.assertEqual([call[0] for call in self.clock.method_calls], ["stop", "go_on"])

    def test_ends_with_the_host(self):
        os.close(self.into)
        self.into = os.open("/dev/null", os.O_RDONLY)
        with self.assertRaises(SystemExit):
            self.relay.serve([self.relay.host.source])


class InputsAtHand(unittest.TestCase):
    def setUp(self):
        self.host = driver.Host.__new__(driver.Host)
        self.host.source, self.into = os.pipe()
        self.out, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        self.inputs = driver.Inputs()

    def tearDown(self):
        for number in (self.host.source, self.into, self.out, self.writer):
            os.close(number)

    def test_passes_a_batch_on_and_again(self):
        for body in (b'[{"args":[]}]', b"[]"):
            frame = struct.pack(">I", len(body)) + body
            os.write(self.into, from_host(driver.INPUTS, body))
            self.assertEqual(self.inputs.read(self.host), len(body))
            self.inputs.send(self.writer)
            self.assertTrue(self.inputs.is_sent())
            self.inputs.send_again()
            self.inputs.send(self.writer)
            self.assertEqual(os.read(self.out, 100), frame * 2)

    def test_does_not_wait_for_a_process_that_reads_nothing(self):
        size = 3 * driver.INPUT_BYTES
        child = os.fork()
        if child == 0:
            frame = from_host(driver.INPUTS, bytes(size))
            while frame:
                frame = frame[os.write(self.into, frame) :]
            os._exit(0)
        self.assertEqual(self.inputs.read(self.host), size)
        os.waitpid(child, 0)
        self.inputs.send(self.writer)
        self.inputs.send(self.writer)
        self.assertFalse(self.inputs.is_sent())
        self.inputs.release()
        self.assertIsNone(self.inputs.memory)

    def test_no_child_inherits_the_inputs(self):
        body = b'[{"args":["\x73ecret"]}]'
        os.write(self.into, from_host(driver.INPUTS, body))
        self.inputs.read(self.host)
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGSEGV, signal.SIG_DFL)
            self.inputs.memory[4:10]
            os._exit(0)
        self.assertEqual(os.waitpid(child, 0)[1], signal.SIGSEGV)


class DeadlineOnABusyMachine(unittest.TestCase):
    """A limit of 1 s that was over 0.1 s ago."""

    def left(self, cpu, waited):
        host = driver.Host.__new__(driver.Host)
        host.unsent, host.flush = bytearray(), lambda: None
        usage = driver.Usage(FakeContainerCpu(0.0, 0.0, cpu))
        usage.started -= 1.1
        deadline = driver.Deadline(host, usage, 1.0)
        with unittest.mock.patch.object(driver, "scheduled_seconds", lambda: {"7": (cpu, waited)}):
            return deadline.left(), deadline, bytes(host.unsent)

    def test_is_extended_by_what_the_machine_took(self):
        left, deadline, sent = self.left(cpu=0.3, waited=0.8)
        self.assertAlmostEqual(left, 0.7, delta=0.05)
        self.assertIn(b"extended", sent)
        self.assertEqual(deadline.report(), {"starved_ms": 0})

    def test_is_over_for_processes_that_used_the_whole_limit(self):
        self.assertLess(self.left(cpu=1.0, waited=5.0)[0], 0.0)

    def test_is_over_for_processes_that_slept(self):
        self.assertLess(self.left(cpu=0.1, waited=0.0)[0], 0.0)
        left, _, sent = self.left(cpu=0.1, waited=0.05)
        self.assertLess(left, 0.0)
        self.assertEqual(sent, b"")

    def test_stands_still_while_the_host_keeps_the_agent_waiting(self):
        usage = driver.Usage(FakeContainerCpu(*[0.0] * 3, 1.0))
        deadline = driver.Deadline(driver.Host.__new__(driver.Host), usage, 1.0)
        with unittest.mock.patch.object(driver.time, "monotonic", lambda: usage.started + 0.4):
            deadline.stop()
        with unittest.mock.patch.object(driver.time, "monotonic", lambda: usage.started + 100.0):
            deadline.stop()
            self.assertAlmostEqual(deadline.left(), 0.6)
            # It must not compute meanwhile.
            self.assertEqual(deadline.left(), 0.0)
            deadline.go_on()
            deadline.go_on()
            self.assertAlmostEqual(deadline.left(), 0.6)

    def test_reports_a_machine_that_takes_too_much(self):
        left, deadline, _ = self.left(cpu=0.1, waited=driver.STARVED_SECONDS + 1)
        self.assertLess(left, 0.0)
        self.assertTrue(deadline.starved)


class Imports(unittest.TestCase):
    def test_start_imports_no_slow_module(self):
        code = "import sys; before = set(sys.modules); import driver; print(*(set(sys.modules) - before))"
        directory = os.path.dirname(driver.__file__)
        ran = subprocess.run([sys.executable, "-S", "-c", code], cwd=directory, capture_output=True, text=True, check=True)
        slow = {"array", "collections", "ctypes", "enum", "functools", "glob", "json", "re", "signal", "typing"}
        self.assertEqual(slow & set(ran.stdout.split()), set())

    def test_search_path_has_no_writable_place(self):
        image = ["/usr/lib/python311.zip", "/usr/lib/python3.11", "/usr/local/lib/python3.11/dist-packages", "/workshop/lib"]
        outside = ["", ".", "lib", "/work", "/work/lib", "/tmp", "/tmp/x/../y", "/usr/lib/../../work", "/proc/self/cwd", "/proc/self/root/work"]
        self.assertEqual(driver.read_only_path([*outside, *image, *outside]), image)

    def test_preload_needs_no_module(self):
        driver.preload()
        self.assertIn("typing", sys.modules)
        with unittest.mock.patch.object(driver, "COMMON_MODULES", ("no_such_module",)):
            driver.preload()


if __name__ == "__main__":
    unittest.main()
