"""Process 1 of a sandbox: runs an agent, then loads its answer and makes the calls that the host asks for.

It judges nothing and knows nothing worth stealing: no expected value ever comes in here. What it
says of time, memory and how a process ended is the kernel's word, and it keeps that apart from what
the agent's side says, which it passes on unread. It is handed to Python as one argument, so it must
stay a single file that needs the standard library alone.

Frames, both ways, are a big-endian u32 length and that many bytes. From the host they hold one JSON
command. To the host they hold a u32 tag and a payload. Tag SAID is a statement of this driver, in
JSON. The rest is what the candidate's process sent: tag n as the outcome of call n, LOADED when it
was ready for calls, REFUSED when the answer cannot be used.
"""

import array
import collections
import ctypes
import fcntl
import glob
import json
import marshal
import math
import os
import select
import signal
import struct
import sys
import time
import types

WORK = "/work"
# Where else a process of ours may leave something behind: POSIX message queues.
QUEUES = "/dev/mqueue"
SAID = 0xFFFFFFFF
LOADED = 0xFFFFFFFE
REFUSED = 0xFFFFFFFD
# Deepest nesting of a value that is sent; the same number as MAX_DEPTH in tasks/src/value.rs.
MAX_DEPTH = 40
# Largest payload of REFUSED: types and a message as `describe` gives them, every character escaped.
REFUSAL_BYTES = 1 << 16
# How long every process of a trial may take to die once it was killed.
REAP_SECONDS = 5.0
# How much less than this driver the kernel lets the agent's processes run, as nice(1) counts: however
# many they are, this driver gets its turn when their time is up.
NICER = 10
# The CPU time of everybody in the container is read at most this often.
READING_SECONDS = 0.05
# After a look at what a candidate sent, it is left alone for this long: a look for every outcome would
# cost as much as the calls. What it sends meanwhile waits in a pipe of this size.
PAUSE_SECONDS = 0.001
PIPE_BYTES = 1 << 20
AGENT_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": WORK,
    "TMPDIR": WORK,
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
}


# ---- Values: the wire form is described in tasks/src/value.rs ------------------------------------


def encode(value, depth=0):
    """A value as JSON text. Only exact types count: a subclass may lie about what it is."""
    kind = type(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return repr(value) if -(1 << 63) <= value < 1 << 63 else '{"int":"%x"}' % value
    if kind is str:
        if value.isascii():
            return quoted_ascii(value)
        try:
            value.encode()
        except UnicodeEncodeError:
            return '{"str":[%s]}' % ",".join([str(ord(c)) for c in value])
        return quoted(value)
    if kind is float:
        if value - value == 0.0:
            return repr(value)
        return '{"float":"nan"}' if value != value else '{"float":"inf"}' if value > 0 else '{"float":"-inf"}'
    if depth >= MAX_DEPTH:
        return '{"opaque":"a value nested too deeply"}'
    if kind is list:
        return "[%s]" % ",".join([encode(item, depth + 1) for item in value])
    if kind is tuple or kind is set or kind is frozenset:
        return '{"%s":[%s]}' % (kind.__name__, ",".join([encode(item, depth + 1) for item in value]))
    if kind in DICTS:
        # Not by a method of the value's own, which may have been replaced.
        entries = [f"[{encode(k, depth + 1)},{encode(v, depth + 1)}]" for k, v in dict.items(value)]
        return '{"dict":[%s]}' % ",".join(entries)
    if kind is bytes:
        return '{"bytes":"%s"}' % value.hex()
    if kind is complex:
        return '{"complex":[%s,%s]}' % (encode(value.real), encode(value.imag))
    return '{"opaque":%s}' % quoted_ascii(text(kind.__name__, 100))


# Text as JSON, by the functions of `json` that are written in C.
quoted, quoted_ascii = json.encoder.encode_basestring, json.encoder.encode_basestring_ascii
# Types that Python calls equal to a dict with the same entries, and that cannot say otherwise.
DICTS = {dict, collections.Counter, collections.OrderedDict, collections.defaultdict}

DECODERS = {
    "int": lambda digits: int(digits, 16),
    "float": float,
    "complex": lambda parts: complex(*parts),
    "str": lambda points: "".join(map(chr, points)),
    "bytes": bytes.fromhex,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
}


def decode(data):
    """What the host sent: its values, and the objects around them as they are.

    A tag stands alone in its object, and no object of ours has a tag's name for its only key. What is
    inside comes out first, so the reader does it all on its way.
    """
    return json.loads(data, object_hook=untag)


def untag(found):
    if len(found) == 1:
        ((tag, payload),) = found.items()
        if tag in DECODERS:
            return DECODERS[tag](payload)
    return found


class NotCanonical(Exception):
    pass


# What is its own canonical form, and stays so in a list: equal values of these types are the same bytes.
PLAIN = {type(None), int, str, bytes}
NUMBERS = {int, float, bool}
# From this length on, a list of numbers is taken as a whole.
LONG = 16
# Below this, a float and an integer that are equal hold the same number exactly.
EXACT = float(1 << 53)
NEGATIVE_ZERO = struct.pack("=d", -0.0)


def canonical(value):
    """The form in which values that Python calls equal are the same, or NotCanonical.

    A float with a fraction has none: it may be compared with a tolerance, and so it has to cross itself.
    Lists of plain things and of numbers are the large ones, and take no loop here.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is bool:
        return int(value)
    if kind is float:
        if value.is_integer():
            return int(value)
    elif kind is list or kind is tuple:
        kinds = set(map(type, value))
        if kinds <= NUMBERS and len(value) >= LONG and (packed := pack(value)):
            # No value of a candidate's has an ellipsis in its form, so nothing else looks like this.
            return kind((..., packed))
        return value if kinds <= PLAIN else kind(map(canonical, value))
    elif kind is set or kind is frozenset:
        return frozenset(map(canonical, value))
    elif kind in DICTS:
        entries = dict.items(value)
        return (..., sorted((marshalled(canonical(k)), marshalled(canonical(v))) for k, v in entries))
    raise NotCanonical


def pack(numbers):
    """The bytes of these numbers as floats, or None if some of them may not be exact as such."""
    try:
        # No number is larger than the length of the vector that they make.
        if not math.hypot(*numbers) < EXACT:
            return None
    except OverflowError:
        return None
    floats = array.array("d", numbers)
    if not all(map(float.is_integer, floats)):
        raise NotCanonical
    packed = floats.tobytes()
    if NEGATIVE_ZERO in packed:
        packed = array.array("d", [number + 0.0 for number in floats]).tobytes()
    return packed


def marshalled(form):
    # Of all versions, this one writes a value the same way however often it is referred to.
    return marshal.dumps(form, 2)


def digest(value, over):
    """The digest of a value's canonical form, if it has one that is larger than `over` bytes.

    Where the size decides, nothing but floats have to cross themselves: they are compared with a tolerance.
    """
    import hashlib

    if over and type(value) in (list, tuple) and set(map(type, value)) == {float}:
        return None
    try:
        form = marshalled(canonical(value))
    except (NotCanonical, ValueError, OverflowError, RecursionError):
        return None
    return hashlib.sha256(form).hexdigest() if len(form) > over else None


def text(value, most):
    """At most `most` characters of text that any JSON reader takes."""
    return str(value)[:most].encode("utf-8", "backslashreplace").decode()


# ---- The candidate's process: everything from here to the next line runs beside hostile code -----


def outcome_of(function, arguments, digest_over=None):
    try:
        value = function(*arguments)
        if digest_over is not None and (digested := digest(value, digest_over)):
            return '{"digest":"%s"}' % digested
        return '{"returned":%s}' % encode(value)
    except BaseException as error:
        return raised(error)


def raised(error):
    return json.dumps({"raised": describe(error)})


def describe(error):
    try:
        message = text(error, 1000)
    except BaseException:
        message = "an exception that cannot be printed"
    return {"types": [text(c.__name__, 100) for c in type(error).__mro__[:20]], "message": message}


def call(entry_point, request):
    """The outcome of one call, or those of an object's steps, once the object could be made; as JSON text."""
    if "steps" not in request:
        return outcome_of(entry_point, request["args"], request.get("digest_over"))
    try:
        made = entry_point(*request["args"])
    except BaseException as error:
        return raised(error)
    return '{"steps":[%s]}' % ",".join([step(made, *asked) for asked in request["steps"]])


def step(made, method, arguments):
    return outcome_of(lambda: getattr(made, method)(*arguments), [])


def candidate(results, source, name, calls, first):
    """Loads the answer, makes the calls from `first` on, and writes a frame for each."""

    def send(tag, json_text):
        body = json_text.encode()
        frame = struct.pack(">II", len(body) + 4, tag) + body
        while sent := os.write(results, frame):
            if sent == len(frame):
                return
            frame = frame[sent:]

    module = types.ModuleType("answer")
    sys.modules["answer"] = module
    try:
        code = compile(source, "answer.py", "exec")
    except BaseException as error:
        return send(REFUSED, json.dumps({"unusable": describe(error)}))
    try:
        exec(code, module.__dict__)
    except BaseException as error:
        return send(REFUSED, raised(error))
    entry_point = module.__dict__.get(name)
    if not callable(entry_point):
        return send(REFUSED, '"missing"')
    send(LOADED, "null")
    for index in range(first, len(calls)):
        send(index, call(entry_point, calls[index]))


# ---- Processes -----------------------------------------------------------------------------------


class Host:
    """The two ends of the container's attached streams."""

    def __init__(self):
        # Moved away from 0 and 1, which children inherit. A fault of this driver still shows on 2.
        self.source = os.dup(0)
        self.sink = os.dup(1)
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.close(null)
        self.unsent = bytearray()

    def read(self, size):
        data = bytearray()
        while len(data) < size:
            chunk = os.read(self.source, size - len(data))
            if not chunk:
                sys.exit(0)
            data += chunk
        return bytes(data)

    def command(self):
        (length,) = struct.unpack(">I", self.read(4))
        return decode(self.read(length))

    def pass_on(self, frame):
        self.unsent += frame

    def stops(self):
        """Takes the host's word that no more outcomes are wanted. There is no other while calls are made."""
        return "stop" in self.command()

    def say(self, **statement):
        body = struct.pack(">I", SAID) + json.dumps(statement).encode()
        self.pass_on(struct.pack(">I", len(body)) + body)

    def flush(self):
        view = memoryview(bytes(self.unsent))
        self.unsent.clear()
        while view:
            view = view[os.write(self.sink, view) :]


class Processor:
    """The CPU time of everybody in this container but this driver, by the account of its cgroup.

    The clock of one process does not see what its children burn, and a process that ignores SIGCHLD
    hides them from the account of whoever reaps it. Where there is no cgroup to read, as in gVisor,
    `seconds` is None.
    """

    def __init__(self):
        self.file = None
        for path in ("/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpuacct/cpuacct.usage"):
            try:
                self.file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                break
            except OSError:
                pass

    def seconds(self):
        if self.file is None:
            return None
        used = os.pread(self.file, 4096, 0).split()
        everybody = int(used[1]) / 1e6 if used[0] == b"usage_usec" else int(used[0]) / 1e9
        return everybody - time.process_time()


class Usage:
    """What the processes of one command used, by the kernel's account."""

    def __init__(self, processor):
        self.processor = processor
        self.started = time.monotonic()
        self.cpu_before = processor.seconds()
        self.driver_before = time.process_time()
        self.wall_seconds = None
        self.cpu_seconds = 0.0
        self.starved_seconds = 0.0
        self.peak_bytes = 0

    def add(self, usage):
        self.cpu_seconds += usage.ru_utime + usage.ru_stime
        self.peak_bytes = max(self.peak_bytes, usage.ru_maxrss * 1024)

    def note_starvation(self):
        """Notes for how long the machine kept a thread of these processes from running. They must still live.

        The kernel counts how long a thread that could run had to wait. Others of this container may have
        run meanwhile, which is their own affair, so all that they used is taken off. No more than that can
        come of anything that is done in here.
        """
        if self.cpu_before is None:
            return
        driver = time.process_time() - self.driver_before
        everybody = self.processor.seconds() - self.cpu_before + driver
        for path in glob.glob("/proc/[0-9]*/task/*/schedstat"):
            try:
                with open(path) as file:
                    ran, waited = (int(number) / 1e9 for number in file.read().split()[:2])
            except (OSError, ValueError):
                continue
            if not path.startswith("/proc/1/"):
                self.starved_seconds = max(self.starved_seconds, waited - (everybody - ran))

    def report(self):
        wall = self.wall_seconds or time.monotonic() - self.started
        cpu = self.cpu_seconds
        if self.cpu_before is not None:
            cpu = max(cpu, self.processor.seconds() - self.cpu_before)
        return {
            "wall_ms": round(wall * 1000),
            "cpu_ms": round(cpu * 1000),
            "starved_ms": round(self.starved_seconds * 1000),
            "peak_memory_bytes": self.peak_bytes,
        }


class Processes:
    """Starts children, waits for them, and makes sure that none is left."""

    def __init__(self):
        self.processor = Processor()
        self.wakeup, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        # A handler would let the agent interrupt us; signals without one do not reach process 1.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def fork(self, output, errors, keep, run):
        """Forks a child with these as stdout and stderr, and of all other files only `keep`."""
        child = os.fork()
        if child:
            return child
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            os.setpriority(os.PRIO_PROCESS, 0, NICER)
            os.dup2(output, 1)
            os.dup2(errors, 2)
            os.closerange(3, keep)
            os.closerange(max(3, keep + 1), os.sysconf("SC_OPEN_MAX"))
            # Not before the files of process 1 are closed: from here on others may look in.
            set_dumpable(True)
            # When memory runs out, the kernel takes this process rather than process 1.
            with open("/proc/self/oom_score_adj", "w") as adjustment:
                adjustment.write("1000")
            run()
            os._exit(0)
        finally:
            os._exit(70)

    def reap(self, usage, wanted=None):
        """Takes in whoever ended by now; the status of `wanted`, if it was among them."""
        status = None
        while True:
            try:
                pid, ended, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return status
            if pid == 0:
                return status
            usage.add(used)
            if pid == wanted:
                status = ended

    def kill_all(self, usage, wanted=None):
        """Kills every other process. Returns the status of `wanted`, and whether all are gone."""
        status = None
        deadline = time.monotonic() + REAP_SECONDS
        while True:
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
            ended = self.reap(usage, wanted)
            status = status if ended is None else ended
            if self.alone():
                return status, True
            if time.monotonic() > deadline:
                return status, False
            self.wait([], 0.01)

    def alone(self):
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True
        return False

    def wait(self, readers, seconds):
        """Waits for one of the readers, for a child to end, or for the time to pass."""
        ready, _, _ = select.select([self.wakeup, *readers], [], [], max(0.0, seconds))
        if self.wakeup in ready:
            try:
                while os.read(self.wakeup, 4096):
                    pass
            except BlockingIOError:
                pass
        return ready


def readable_pipe():
    """A pipe whose reader never waits. A child can open its end for reading too, and take what was there when
    this driver looked: waiting for more would be waiting for the child."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    return reader, writer


def read_some(reader, size):
    """What is there to read, b"" at the end, or None if there is nothing after all."""
    try:
        return os.read(reader, size)
    except BlockingIOError:
        return None


def set_dumpable(dumpable):
    """Decides whether other processes of this user may look into this one, by ptrace or /proc."""
    PR_SET_DUMPABLE = 4
    if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, int(dumpable), 0, 0, 0) != 0:
        raise OSError("prctl refused PR_SET_DUMPABLE")


def out_of_memory_kills():
    """How often the kernel has killed a process here for want of memory (cgroup v2, then v1)."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            with open(path) as lines:
                for line in lines:
                    name, _, count = line.partition(" ")
                    if name == "oom_kill":
                        return int(count)
        except OSError:
            pass
    return 0


def wipe(folder):
    """Empties a folder, if there is one; whether that worked.

    Whatever its owner can do to it was done to it: it may be locked, full, or nested deeper than a path
    is long. So what is found in an inner folder is moved up and emptied in its turn.
    """
    if not os.path.isdir(folder):
        return True
    try:
        if os.stat(folder).st_uid == os.getuid():
            os.chmod(folder, 0o700)
        while names := os.listdir(folder):
            for name in names:
                remove(folder, os.path.join(folder, name))
        return True
    except OSError:
        return False


def remove(folder, path):
    """Removes a file, or a folder whose inner folders are moved up to `folder`."""
    if os.path.islink(path) or not os.path.isdir(path):
        return os.unlink(path)
    os.chmod(path, 0o700)
    for name in os.listdir(path):
        inner = os.path.join(path, name)
        if os.path.islink(inner) or not os.path.isdir(inner):
            os.unlink(inner)
        else:
            # Only a folder that can be written to can be moved to another parent.
            os.chmod(inner, 0o700)
            os.rename(inner, os.path.join(folder, os.urandom(16).hex()))
    os.rmdir(path)


def wipe_all():
    """Empties every place where a process of a trial can leave something; whether that worked."""
    return all([wipe(WORK), wipe(QUEUES)])


def ending(status):
    if status is None:
        return {"exit": None, "signal": None}
    if os.WIFSIGNALED(status):
        return {"exit": None, "signal": os.WTERMSIG(status)}
    return {"exit": os.WEXITSTATUS(status), "signal": None}


# ---- The two commands ----------------------------------------------------------------------------


def run_agent(host, processes, order):
    """Starts `python agent.py --task PROMPT` in an empty folder and collects what it prints."""
    clean = True
    with open(WORK + "/agent.py", "w", encoding="utf-8", newline="") as file:
        file.write(order["agent"])
    kills_before = out_of_memory_kills()
    output, output_end = readable_pipe()
    errors, errors_end = readable_pipe()
    arguments = [sys.executable, "-P", "-s", "-X", "utf8", "agent.py", "--task", order["prompt"]]
    usage = Usage(processes.processor)
    agent = processes.fork(
        output_end, errors_end, 2, lambda: os.execve(sys.executable, arguments, AGENT_ENVIRONMENT)
    )
    os.close(output_end)
    os.close(errors_end)

    answer, answer_limit = bytearray(), order["answer_bytes"]
    tail, tail_limit, tail_total = bytearray(), order["stderr_bytes"], 0
    deadline = usage.started + order["wall_ms"] / 1000
    readers, status, stopped_for = [output, errors], None, None
    killed = False
    while True:
        if not killed:
            status = processes.reap(usage, agent)
            left = deadline - time.monotonic()
            if status is not None or len(answer) > answer_limit or left <= 0:
                if status is None:
                    stopped_for = "output" if len(answer) > answer_limit else "time"
                if stopped_for == "time":
                    usage.note_starvation()
                usage.wall_seconds = time.monotonic() - usage.started
                late, gone = processes.kill_all(usage, agent)
                status = late if status is None else status
                clean, killed = clean and gone, True
        # Once all are dead, what is left in the pipes is read to its end.
        if killed and not readers:
            break
        ready = processes.wait([*readers, host.source], 0.1 if killed else left)
        if killed and not gone and not any(fd in ready for fd in readers):
            break
        for fd in ready:
            if fd == host.source:
                sys.exit(0)
            if fd not in readers:
                continue
            chunk = read_some(fd, 1 << 16)
            if chunk is None:
                continue
            if not chunk:
                readers.remove(fd)
            elif fd == errors:
                tail_total += len(chunk)
                tail += chunk
                del tail[:-tail_limit]
            elif len(answer) <= answer_limit:
                answer += chunk
    os.close(output)
    os.close(errors)
    if len(answer) > answer_limit:
        stopped_for = stopped_for or "output"
    clean = wipe_all() and clean
    host.say(
        answer={
            "stdout": answer[: answer_limit].decode("latin-1"),
            "stderr": tail.decode("latin-1"),
            "stderr_truncated": tail_total > len(tail),
            "stopped_for": stopped_for,
            "out_of_memory": out_of_memory_kills() > kills_before,
            "clean": clean,
            **ending(status),
            **usage.report(),
        }
    )


class CallClock:
    """How much CPU time is left for the call that a process is making.

    Its own clock is exact and cheap, and blind to its children. That of everybody is neither, so it is
    read only now and then, and gives the call the benefit of how old the reading was that it began with.
    """

    def __init__(self, pid, processor, limit):
        self.clock = ((~pid) << 3) | 2  # the kernel's number for the CPU clock of a whole process
        self.processor, self.limit = processor, limit
        self.own_before = 0.0
        self.all_before = self.all_now = processor.seconds()
        self.read_at = self.started = time.monotonic()

    def own(self):
        try:
            return time.clock_gettime(self.clock)
        except OSError:
            return self.own_before  # it ended

    def left(self):
        left = self.limit - (self.own() - self.own_before)
        now = time.monotonic()
        if self.all_now is None or now - self.started < self.limit:
            return left
        self.read_at, self.all_now = now, self.processor.seconds()
        return min(left, self.limit + READING_SECONDS - (self.all_now - self.all_before))

    def restart(self):
        """The next call begins."""
        self.own_before = self.own()
        self.started = time.monotonic()
        if self.all_now is not None and self.started - self.read_at > READING_SECONDS:
            self.read_at, self.all_now = self.started, self.processor.seconds()
        self.all_before = self.all_now


class Calls:
    """Makes the calls of one trial, in a process forked from this one, and in another if that dies."""

    def __init__(self, host, processes, order):
        self.host, self.processes, self.order = host, processes, order
        self.usage = Usage(processes.processor)
        self.deadline = self.usage.started + order["wall_ms"] / 1000
        self.values_left = order["values_bytes"]
        self.next = 0
        self.loaded = False
        self.clean = True

    def run(self):
        while self.next < len(self.order["calls"]):
            why, detail = self.run_candidate()
            if why == "done":
                break
            if not self.loaded:
                self.host.say(load_ended={"why": why, **detail})
                break
            if why == "stopped":
                break
            self.host.say(ended={"index": self.next, "why": why, **detail})
            # Calls that end like this take long, and the host may want no more of them.
            self.flush()
            if why in ("wall", "values"):
                break
            self.next += 1
        self.clean = wipe_all() and self.clean
        self.host.say(done={"clean": self.clean, **self.usage.report()})

    def run_candidate(self):
        """Runs one process until it has made all calls or ends before: why, and how it ended."""
        order, first = self.order, self.next
        kills_before = out_of_memory_kills()
        results, results_end = readable_pipe()
        try:
            fcntl.fcntl(results_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:
            pass  # gVisor knows no larger pipes; they only save time
        pid = self.processes.fork(
            1,
            1,
            results_end,
            lambda: candidate(results_end, order["source"], order["entry_point"], order["calls"], first),
        )
        os.close(results_end)
        why, status = self.follow(pid, results)
        late, gone = self.processes.kill_all(self.usage, pid)
        self.clean = self.clean and gone
        os.close(results)
        if why == "ended" and out_of_memory_kills() > kills_before:
            why = "memory"
        return why, ending(late if status is None else status)

    def follow(self, pid, results):
        """Passes on the process's frames until there is a reason to end it: that, and its status."""
        clock = CallClock(pid, self.processes.processor, self.order["call_cpu_ms"] / 1000)
        buffer, ready, status = bytearray(), False, None
        while True:
            cpu_left = clock.left()
            wall_left = self.deadline - time.monotonic()
            if wall_left <= 0:
                self.usage.note_starvation()
                return "wall", status
            if cpu_left <= 0:
                return "cpu", status
            # What it sent before it ended is still in the pipe, whoever else may hold that open.
            seconds = max(0.002, min(cpu_left, wall_left)) if status is None else 0.0
            readable = self.processes.wait([results, self.host.source], seconds)
            if self.host.source in readable and self.host.stops():
                return "stopped", status
            if results not in readable:
                if status is not None:
                    return "ended", status
                status = self.processes.reap(self.usage, pid)
                continue
            chunk = read_some(results, 1 << 20)
            if chunk is None:
                continue
            if not chunk:
                return "ended", status
            # Whatever woke this driver in between, an outcome that comes late is none.
            if clock.left() <= 0:
                return "cpu", status
            buffer += chunk
            before = self.next, ready
            why, ready = self.take_frames(buffer, ready)
            if why is not None:
                return why, status
            if (self.next, ready) != before:
                clock.restart()
                if len(chunk) < PIPE_BYTES // 2:
                    time.sleep(PAUSE_SECONDS)

    def take_frames(self, buffer, ready):
        """Passes on whole frames that are in turn. A reason to stop or None, and whether it loaded."""
        calls, value_bytes = len(self.order["calls"]), self.order["value_bytes"]
        at, why = 0, None
        while why is None and len(buffer) >= at + 8:
            length, tag = struct.unpack_from(">II", buffer, at)
            end = at + 4 + length
            if length < 4:
                why = "turn"
            elif length - 4 > (value_bytes if ready else REFUSAL_BYTES):
                why = "value"
            elif len(buffer) < end:
                break
            elif not ready and tag == REFUSED and not self.loaded:
                self.host.pass_on(buffer[at:end])
                why = "done"
            elif tag != (self.next if ready else LOADED):
                why = "turn"
            elif self.values_left < length:
                why = "values"
            else:
                self.values_left -= length
                if ready:
                    self.host.pass_on(buffer[at:end])
                    self.next += 1
                ready = self.loaded = True
                at = end
                if self.next == calls:
                    why = "done"
        del buffer[:at]
        if len(self.host.unsent) > 1 << 16:
            self.flush()
        return why, ready

    def flush(self):
        # While nobody takes what there is, time is not the candidate's.
        started = time.monotonic()
        self.host.flush()
        self.deadline += time.monotonic() - started


def main():
    if os.getpid() != 1:
        sys.exit("driver: it kills every other process, so it only runs as process 1 of a container")
    host, processes = Host(), Processes()
    set_dumpable(False)
    os.chdir(WORK)
    host.say(ready={"python": sys.version.split()[0]})
    host.flush()
    while True:
        order = host.command()
        if "agent" in order:
            run_agent(host, processes, order)
        elif "calls" in order:
            Calls(host, processes, order).run()
        # A host that wanted no more outcomes may have said so after the last one.
        host.flush()


if __name__ == "__main__":
    main()
