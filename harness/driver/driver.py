"""Process 1 of a sandbox container: runs an agent, then loads its answer and makes the calls that the host asks for.

It judges nothing and never receives an expected value. What it reports about time, memory and the way a process ended
comes from the kernel. What the candidate's process sends is kept apart from that and passed on unread. The host hands
this file to Python as a single argument (`python -c`), so it must stay one file that needs the standard library alone.

Frames, both ways: a big-endian u32 length and that many bytes, of which the first four are a u32 tag and the others a
payload. A frame from the host is a COMMAND in JSON, a batch of INPUTS for the calls that a command asked for, a STOP,
which means that no more calls are needed, or a part of a connection to a model (RELAYED). A frame to the host with the
tag STATEMENT holds a statement of this driver, in JSON, and one with the tag RELAYED a part of a connection of the
agent. All other tags mark what the candidate's process sent: tag n is the outcome of call n, LOADED means that it is
ready for calls, REFUSED that the answer cannot be used.
"""

# `_ctypes`, `_json` and `_signal` are the C parts of the modules without the underscore. With their Python parts this
# driver would take 10 ms longer to start. The host accepts no Python but 3.11, so their interface is fixed.
import _ctypes
import _json
import _signal as signal
import fcntl
import itertools
import marshal
import mmap
import os
import select
import struct
import sys
import time

WORK = "/work"
# The other places where a process can leave something behind. The last holds POSIX message queues.
TMP = "/tmp"
QUEUES = "/dev/mqueue"
ANSWER_FILE = WORK + "/answer.py"
# All places where a process of a trial could create a file, now or in an image with looser permissions.
WRITABLE = (WORK + "/", "/tmp/", "/var/tmp/", "/run/", "/dev/", "/proc/")
STATEMENT = 0xFFFFFFFF
LOADED = 0xFFFFFFFE
REFUSED = 0xFFFFFFFD
RELAYED = 0xFFFFFFFC
# Tags of the host, besides RELAYED.
COMMAND, INPUTS, STOP = 1, 2, 3
# The socket that leads to a model, if the trial has one.
MODEL_SOCKET = WORK + "/model.sock"
# What a RELAYED frame means for a connection; its payload is the connection's number, one of these, and data.
OPENED, DATA, CLOSED, WINDOW, CLOCK_STOPPED, CLOCK_RUNS = range(6)
# Bytes of a connection that may be under way in one direction. Must equal WINDOW_BYTES in relay.rs.
WINDOW_BYTES = 1 << 16
# Connections that are open at the same time, that wait to be accepted, and that a trial can make in all.
MAX_CONNECTIONS, BACKLOG, ALL_CONNECTIONS = 4, 128, 4096
# Deepest nesting of a value that is sent. Must equal MAX_DEPTH in tasks/src/value.rs.
MAX_DEPTH = 40
# Largest numerator and denominator of a fraction that is sent. Must equal MAX_FRACTION_BITS in tasks/src/value/types.rs.
MAX_FRACTION_BITS = 1 << 14
# Largest payload of REFUSED, in bytes: type names and a message as `describe` limits them, every character escaped.
REFUSAL_BYTES = 1 << 16
# How long the killed processes of a trial may take to end.
REAP_SECONDS = 5.0
# How much nicer the agent's processes are than the driver, so that it is scheduled in time however many they are.
AGENT_NICENESS = 10
# Shortest time between two readings of the container's CPU time.
CPU_READING_SECONDS = 0.05
# Pause after reading from the candidate's process. Waking up for every outcome would cost as much as the calls.
# What is sent meanwhile waits in a pipe of PIPE_BYTES.
PAUSE_SECONDS = 0.001
PIPE_BYTES = 1 << 20
# CPU time that a call gets on top of its limit for decoding its input, per byte.
DECODING_SECONDS = 5e-7
# A call that has neither used nor waited for the CPU for IDLE_SHARE times its CPU limit is stopped as well.
IDLE_SHARE = 2
# Memory for inputs that is kept between commands, in bytes.
INPUT_BYTES = 1 << 20
# Shortest and longest time by which a deadline is extended because the machine did not let the processes run.
EXTENSION_SECONDS = 0.02
STARVED_SECONDS = 600.0
PR_SET_DUMPABLE = 4
RLIMIT_MEMLOCK = 8
MLOCK_ONFAULT = 1
# What is pinned, in this order: code, constants, variables; and what the memory may be used for.
PINNED = {
    "r-xp": mmap.PROT_READ | mmap.PROT_EXEC,
    "r--p": mmap.PROT_READ,
    "rw-p": mmap.PROT_READ | mmap.PROT_WRITE,
}
AGENT_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": WORK,
    "TMPDIR": WORK,
    # Without an entry in /etc/passwd, getpass.getuser() needs one of these.
    "USER": "agent",
    "LOGNAME": "agent",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
}
# Commands that the first trial in a container takes at most: the agent, the public and the hidden calls.
COMMANDS_PER_TRIAL = 3
# What answers import most, and what `digest` needs. See `preload`.
COMMON_MODULES = (
    "array", "bisect", "collections", "functools", "hashlib", "heapq", "itertools", "json", "math", "operator",
    "random", "re", "string", "typing",
)


# ---- Values: the wire format is described in tasks/src/value.rs ----------------------------------


def encode(value, depth=0):
    """Returns a value as JSON text. Only exact types count, because a subclass can misreport itself."""
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
    if kind is bytes:
        return '{"bytes":"%s"}' % value.hex()
    if kind is complex:
        return '{"complex":[%s,%s]}' % (encode(value.real), encode(value.imag))
    if is_dict(kind):
        # `dict.items`, because a method of the value's own may have been replaced.
        entries = [f"[{encode(k, depth + 1)},{encode(v, depth + 1)}]" for k, v in dict.items(value)]
        return '{"dict":[%s]}' % ",".join(entries)
    if is_set(kind):
        return '{"set":[%s]}' % ",".join([encode(item, depth + 1) for item in value])
    if is_fraction(kind):
        parts = [int(part) for part in value.as_integer_ratio()] if is_finite(value) else []
        if parts and max(map(int.bit_length, parts)) <= MAX_FRACTION_BITS:
            return '{"fraction":[%s,%s]}' % (encode(parts[0]), encode(parts[1]))
    equal = equal_value(value, kind)
    if equal is not value:
        return encode(equal, depth + 1)
    return '{"opaque":%s}' % quoted_ascii(text(kind.__name__, 100))


def is_of(kind, module, *names):
    """Whether a type is one of those of a module.

    A value of them exists only where the module was imported, so the driver need not import it.
    """
    module = sys.modules.get(module)
    return module is not None and any(kind is getattr(module, name, None) for name in names)


def is_dict(kind):
    """Whether Python calls values of this type equal to a dict with the same entries."""
    return kind is dict or is_of(kind, "collections", "Counter", "OrderedDict", "defaultdict")


def is_set(kind):
    """Whether Python calls values of this type equal to a set with the same members: views of keys and of items."""
    return issubclass(kind, SET_VIEWS)


def is_fraction(kind):
    return is_of(kind, "fractions", "Fraction") or is_of(kind, "decimal", "Decimal")


def is_finite(value):
    """Whether a Fraction or a Decimal is a number."""
    return not hasattr(value, "is_finite") or value.is_finite()


def whole(kind):
    """Returns a function that copies a value of a subclass of a sequence type to the type itself."""
    return lambda value: kind.__getitem__(value, slice(None))


# How a value of a subclass becomes one of the type itself. Methods of the type, because a subclass can replace its own.
BASES = {
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    str: str.__str__,
    bytes: whole(bytes),
    list: whole(list),
    tuple: whole(tuple),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    dict: lambda value: dict(dict.items(value)),
}
SET_VIEWS = (type({}.keys()), type({}.items()))
NUMPY_NUMBERS = (
    "bool_", "int8", "int16", "int32", "int64", "longlong", "uint8", "uint16", "uint32", "uint64", "ulonglong",
    "float64", "complex128",
)


def equal_value(value, kind):
    """Returns a value to which Python calls this one of another type equal, as far as there is one; else the value.

    A subclass that keeps the `==` of its base, such as an IntEnum or a named tuple, is equal to what the base holds.
    """
    if kind is bytearray or kind is memoryview and value.format == "B" and value.ndim == 1:
        return bytes(value)
    if kind is type(type.__dict__):
        import gc

        # A mapping proxy is equal to what its mapping is equal to.
        return gc.get_referents(value)[0]
    if is_of(kind, "collections", "UserDict", "ChainMap"):
        return dict(value.items())
    if is_of(kind, "collections", "UserList", "UserString"):
        return value.data
    if is_of(kind, "decimal", "Decimal") and not (value.is_finite() or value.is_snan()):
        return float(value)
    if is_of(kind, "numpy", *NUMPY_NUMBERS):
        return value.item()
    for base, convert in BASES.items():
        if issubclass(kind, base) and kind.__eq__ is base.__eq__:
            return convert(value)
    return value


quoted, quoted_ascii = _json.encode_basestring, _json.encode_basestring_ascii

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
    "fraction": lambda parts: __import__("fractions").Fraction(*parts),
}


def untag(found):
    if len(found) == 1:
        ((tag, payload),) = found.items()
        if tag in DECODERS:
            return DECODERS[tag](payload)
    return found


class JsonSettings:
    """What `_json` asks of its caller. The same as `json.loads(text, object_hook=untag)`."""

    strict = True
    object_hook = staticmethod(untag)
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


scan_json = _json.make_scanner(JsonSettings)


def decode(data):
    """Decodes a command of the host: its values, and the objects around them unchanged.

    A tag is the only key of its object, and no other object has a tag's name as its only key. Inner objects are decoded
    first, so the JSON reader untags on its way.
    """
    return scan_json(data.decode(), 0)[0]


def statement_json(thing):
    """Returns plain data of the driver's own as JSON text."""
    if type(thing) is dict:
        return "{%s}" % ",".join([f"{quoted_ascii(key)}:{statement_json(value)}" for key, value in thing.items()])
    return encode(thing)


class NotCanonical(Exception):
    pass


# Types whose equal values have the same bytes, also inside a list.
PLAIN = {type(None), int, str, bytes}
# Those of which also long lists are not packed.
UNPACKED = PLAIN - {int}
NUMBERS = {int, float, bool}
# A list of at least this many numbers is packed as a whole.
PACKED_LENGTH = 16
# Below this, a float and an integer that are equal hold exactly the same number.
EXACT = float(1 << 53)
NEGATIVE_ZERO = struct.pack("=d", -0.0)
NAN = float("nan")


def canonical(value):
    """Returns a form in which values that Python calls equal are the same, or raises NotCanonical.

    Lists of plain values and of numbers are the large ones, and are not looped over here.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is bool:
        return int(value)
    if kind is float:
        # Here every nan equals every nan.
        return int(value) if value.is_integer() else value if value == value else NAN
    elif kind is list or kind is tuple:
        kinds = set(map(type, value))
        if kinds <= NUMBERS and len(value) >= PACKED_LENGTH and (packed := pack(value)):
            # No other form contains an ellipsis, so none looks like this one.
            return kind((..., packed))
        if kinds <= PLAIN or kinds == {tuple} and set(map(type, itertools.chain.from_iterable(value))) <= UNPACKED:
            return value
        items = kind(map(canonical, value))
        # Numbers of other types are packed like those that they are equal to.
        return items if kinds <= NUMBERS or not set(map(type, items)) <= NUMBERS else canonical(items)
    elif kind is set or kind is frozenset or is_set(kind):
        return frozenset(map(canonical, value))
    elif is_dict(kind):
        entries = dict.items(value)
        return (..., sorted((marshalled(canonical(k)), marshalled(canonical(v))) for k, v in entries))
    elif is_fraction(kind) and is_finite(value):
        if value == (number := int(value)):
            return number
        if value == (number := float(value)):
            return number
    elif (equal := equal_value(value, kind)) is not value:
        return canonical(equal)
    raise NotCanonical


def pack(numbers):
    """Returns the bytes of these numbers as floats, or None if some of them may not be exact as floats."""
    import array
    import math

    try:
        # No number is larger than the length of the vector that they make.
        if not math.hypot(*numbers) < EXACT:
            return None
    except OverflowError:
        return None
    floats = array.array("d", numbers)
    packed = floats.tobytes()
    if NEGATIVE_ZERO in packed:
        packed = array.array("d", [number + 0.0 for number in floats]).tobytes()
    return packed


def marshalled(form):
    # Version 2 is the last that writes a value the same way however often it is referred to.
    return marshal.dumps(form, 2)


def digest(value, over):
    """Returns the digest of a value's canonical form, or None if it has none or one of at most `over` bytes.

    Where size decides, lists of floats cross themselves: they are compared with a tolerance. Other values that contain
    floats are not.
    """
    import hashlib

    if over and type(value) in (list, tuple) and set(map(type, value)) == {float}:
        return None
    try:
        form = marshalled(canonical(value))
    except (NotCanonical, TypeError, ValueError, OverflowError, RecursionError):
        return None
    return hashlib.sha256(form).hexdigest() if len(form) > over else None


def text(value, limit):
    """Returns at most `limit` characters of text that every JSON reader accepts."""
    return str(value)[:limit].encode("utf-8", "backslashreplace").decode()


# ---- The candidate's process: up to the next heading, this code shares a process with hostile code


def outcome_of(function, arguments, digest_over=None):
    try:
        value = function(*arguments)
        if digest_over is not None and (digested := digest(value, digest_over)):
            return '{"digest":"%s"}' % digested
        return '{"returned":%s}' % encode(value)
    except BaseException as error:
        return raised(error)


def raised(error):
    return statement_json({"raised": describe(error)})


def describe(error):
    try:
        message = text(error, 1000)
    except BaseException:
        message = "an exception that cannot be printed"
    types = [text(c.__name__, 100) for c in type(error).__mro__[:20]]
    return {"types": types, "message": message, "line": answer_line(error)}


def answer_line(error):
    """Returns the line of the answer where an exception was raised or that is not Python; None if there is none.

    The answer may have replaced anything that is read here, so this is text for a reader and decides nothing.
    """
    line = None
    try:
        frame = error.__traceback__
        while frame is not None:
            if frame.tb_frame.f_code.co_filename == ANSWER_FILE:
                line = frame.tb_lineno
            frame = frame.tb_next
        if line is None and isinstance(error, SyntaxError) and error.filename == ANSWER_FILE:
            line = error.lineno
    except BaseException:
        return None
    return line if type(line) is int and 0 < line < 1 << 31 else None


def call(entry_point, request):
    """Returns the outcome of one call as JSON text: of a function, or of an object's steps once it was made."""
    if "steps" not in request:
        return outcome_of(entry_point, request["args"], request.get("digest_over"))
    try:
        made = entry_point(*request["args"])
    except BaseException as error:
        return raised(error)
    return '{"steps":[%s]}' % ",".join([outcome_of_step(made, *step) for step in request["steps"]])


def outcome_of_step(made, method, arguments):
    return outcome_of(lambda: getattr(made, method)(*arguments), [])


class Candidate:
    """The process that loads the answer and makes calls, from index `first` on.

    It gets the inputs of a batch when the first of its calls is due. `skip` calls of the first batch have been made.
    """

    def __init__(self, results, inputs, first, skip):
        self.results, self.inputs, self.next, self.skip = results, inputs, first, skip

    def run(self, source, name, count):
        entry_point = self.load(source, name)
        if entry_point is None:
            return
        self.send(LOADED, "null")
        while self.next < count:
            for request in decode(self.receive())[self.skip :]:
                self.send(self.next, call(entry_point, request))
                self.next += 1
            self.skip = 0

    def load(self, source, name):
        """Returns the answer's entry point, or None if the answer cannot be used, which is reported."""
        module = type(sys)("answer")
        module.__file__ = ANSWER_FILE
        sys.modules["answer"] = module
        try:
            code = compile(source, ANSWER_FILE, "exec")
        except BaseException as error:
            return self.send(REFUSED, statement_json({"unusable": describe(error)}))
        try:
            exec(code, module.__dict__)
        except BaseException as error:
            return self.send(REFUSED, raised(error))
        entry_point = module.__dict__.get(name)
        return entry_point if callable(entry_point) else self.send(REFUSED, '"missing"')

    def send(self, tag, json_text):
        body = json_text.encode()
        frame = struct.pack(">II", len(body) + 4, tag) + body
        while sent := os.write(self.results, frame):
            if sent == len(frame):
                return
            frame = frame[sent:]

    def receive(self):
        (length,) = struct.unpack(">I", self.read(4))
        return self.read(length)

    def read(self, size):
        data, at = bytearray(size), 0
        with memoryview(data) as view:
            while at < size:
                at += os.readv(self.inputs, [view[at:]])
        return data


# ---- Processes -----------------------------------------------------------------------------------


class Host:
    """Both ends of the container's attached streams."""

    def __init__(self):
        # Moved away from 0 and 1, which children inherit. stderr stays, so that a traceback of this driver is seen.
        self.source = os.dup(0)
        self.sink = os.dup(1)
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.close(null)
        os.set_blocking(self.sink, False)
        self.unsent = bytearray()

    def read(self, size):
        data = bytearray()
        while len(data) < size:
            chunk = os.read(self.source, size - len(data))
            if not chunk:
                sys.exit(0)
            data += chunk
        return bytes(data)

    def header(self):
        """Reads the header of the next frame. Returns its tag and the size of its payload."""
        length, tag = struct.unpack(">II", self.read(8))
        return tag, length - 4

    def next(self):
        """The same for the next frame that belongs to no connection. Those come too late for an agent that has ended."""
        while True:
            tag, size = self.header()
            if tag != RELAYED:
                return tag, size
            self.read(size)

    def command(self):
        """Reads the next command. Skips frames that come too late to stop any calls."""
        while True:
            tag, size = self.next()
            if tag == COMMAND:
                return decode(self.read(size))

    def pass_on(self, frame):
        self.unsent += frame

    def state(self, **statement):
        """Queues a statement of this driver."""
        body = struct.pack(">I", STATEMENT) + statement_json(statement).encode()
        self.pass_on(struct.pack(">I", len(body)) + body)

    def relay(self, number, kind, data=b""):
        """Queues a part of a connection of the agent."""
        self.pass_on(struct.pack(">IIIB", 9 + len(data), RELAYED, number, kind) + data)

    def flush_some(self):
        """Sends as much as the host takes at present. Returns whether that is anything."""
        try:
            del self.unsent[: os.write(self.sink, self.unsent)]
        except BlockingIOError:
            return False
        return True

    def flush(self):
        while self.unsent:
            if not self.flush_some():
                select.select([], [self.sink], [])


class ContainerCpu:
    """The CPU time of every process in this container except the driver, as the control group counts it.

    The clock of one process does not include the time of its children, and a process that ignores SIGCHLD keeps its
    children's time out of what wait4 reports. Where no control group can be read, as in gVisor, `seconds` is None.
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
        all_processes = int(used[1]) / 1e6 if used[0] == b"usage_usec" else int(used[0]) / 1e9
        return all_processes - time.process_time()


class Usage:
    """What the processes of one command used, as the kernel counts it."""

    def __init__(self, container_cpu):
        self.container_cpu = container_cpu
        self.started = time.monotonic()
        self.cpu_before = container_cpu.seconds()
        self.wall_seconds = None
        self.cpu_seconds = 0.0
        self.peak_bytes = 0

    def add(self, usage):
        self.cpu_seconds += usage.ru_utime + usage.ru_stime
        self.peak_bytes = max(self.peak_bytes, usage.ru_maxrss * 1024)

    def report(self):
        wall = self.wall_seconds or time.monotonic() - self.started
        return {
            "wall_ms": round(wall * 1000),
            "cpu_ms": round(self.cpu() * 1000),
            "peak_memory_bytes": self.peak_bytes,
        }

    def cpu(self):
        """Returns the CPU time used so far, in seconds."""
        if self.cpu_before is None:
            return self.cpu_seconds
        return max(self.cpu_seconds, self.container_cpu.seconds() - self.cpu_before)


def scheduled_seconds():
    """Returns for every thread but the driver's how long it ran, and how long it was runnable and waited."""
    threads = {}
    for pid in os.listdir("/proc"):
        if not pid.isdigit() or pid == "1":
            continue
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                    ran, waited = file.read().split()[:2]
                threads[thread] = int(ran) / 1e9, int(waited) / 1e9
        except (OSError, ValueError):
            continue  # it ended meanwhile
    return threads


class Deadline:
    """The wall-clock deadline of a command, extended by the time for which the machine kept its processes from running.

    The time is up as soon as the processes have used the whole limit as CPU time, however busy the machine was.
    """

    def __init__(self, host, usage, seconds):
        self.host, self.usage, self.seconds = host, usage, seconds
        self.at = usage.started + seconds
        # Starvation of processes that have ended, and how far the deadline was moved for starvation.
        self.ended_starvation = self.extension = 0.0
        self.starved = False
        self.stopped_at = None
        self.watch()

    def watch(self):
        """Starts to measure the processes that are started from now on. All earlier ones have ended."""
        self.cpu_before, self.driver_before = self.usage.container_cpu.seconds(), time.process_time()

    def starvation(self):
        """Returns how long the machine kept a thread of the present processes from running.

        The kernel counts how long a runnable thread waited. Other processes of this container may have run meanwhile,
        which is the agent's own doing, so all the time that they used is subtracted. The remainder cannot be raised by
        anything done inside the container.
        """
        if self.cpu_before is None:
            return 0.0
        driver = time.process_time() - self.driver_before
        used = self.usage.container_cpu.seconds() - self.cpu_before + driver
        return max((waited - (used - ran) for ran, waited in scheduled_seconds().values()), default=0.0)

    def end_processes(self):
        """Keeps the starvation of the present processes, which are about to be killed."""
        self.ended_starvation += max(0.0, self.starvation())
        self.watch()

    def stop(self):
        """Stops the clock, because the host keeps the agent waiting. The CPU time still counts."""
        if self.stopped_at is None:
            self.stopped_at = time.monotonic()

    def go_on(self):
        if self.stopped_at is not None:
            self.at += time.monotonic() - self.stopped_at
            self.stopped_at = None

    def left(self):
        """Returns the time that is left, in seconds; at most 0 if it is up. May extend the deadline."""
        if self.stopped_at is not None:
            return self.at - self.stopped_at if self.usage.cpu() < self.seconds else 0.0
        left = self.at - time.monotonic()
        if left > 0 or self.usage.cpu() >= self.seconds:
            return left
        starvation = self.ended_starvation + max(0.0, self.starvation())
        if starvation - self.extension < EXTENSION_SECONDS:
            return left
        if starvation > STARVED_SECONDS:
            self.starved = True
            return left
        self.at += starvation - self.extension
        self.extension = starvation
        left = self.at - time.monotonic()
        if left > 0:
            self.host.state(extended={"wall_ms": round(left * 1000)})
            self.host.flush()
        return left

    def report(self):
        return {"starved_ms": round(self.extension * 1000) if self.starved else 0}


class Processes:
    """Starts children, waits for them, and makes sure that none is left."""

    def __init__(self):
        self.container_cpu = ContainerCpu()
        self.wakeup, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        # Python's own handler would let the agent interrupt the driver. Signals that have no handler do not reach
        # process 1.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def fork(self, output, errors, keep, run):
        """Forks a child with these as stdout and stderr. Of all other open files it keeps only those in `keep`.

        A child that cannot be set up is not the agent's doing: it reports that before anything of the agent runs, and
        the driver ends.
        """
        setup, failing = os.pipe2(os.O_CLOEXEC)
        child = os.fork()
        if child:
            os.close(failing)
            failed = os.read(setup, 1)
            os.close(setup)
            if failed:
                raise OSError("a child process could not be set up")
            return child
        is_set_up = False
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            # Relative to the driver's: a daemon may itself run with a niceness, which only root may lower.
            os.nice(AGENT_NICENESS)
            os.dup2(output, 1)
            os.dup2(errors, 2)
            first = 3
            for file in sorted([*keep, failing]):
                os.closerange(first, file)
                first = file + 1
            os.closerange(first, os.sysconf("SC_OPEN_MAX"))
            # Only the driver may lock memory.
            libc("setrlimit", RLIMIT_MEMLOCK, bytes(16))
            # Only after process 1's files are closed, because from here on other processes may look into this one.
            set_dumpable(True)
            # When memory runs out, the kernel is to choose this process and not process 1.
            with open("/proc/self/oom_score_adj", "w") as adjustment:
                adjustment.write("1000")
            os.close(failing)
            is_set_up = True
            run()
            os._exit(0)
        finally:
            if not is_set_up:
                os.write(failing, b"!")
            os._exit(70)

    def reap(self, usage, awaited=None):
        """Reaps every process that has ended. Returns the status of `awaited` if it is one of them."""
        status = None
        while True:
            try:
                pid, ended, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return status
            if pid == 0:
                return status
            usage.add(used)
            if pid == awaited:
                status = ended

    def kill_all(self, usage, awaited=None):
        """Kills every other process. Returns the status of `awaited`, and whether no process is left."""
        status = None
        deadline = time.monotonic() + REAP_SECONDS
        while True:
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
            ended = self.reap(usage, awaited)
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

    def wait(self, readers, seconds, writers=()):
        """Waits until a file is ready, a child has ended, or the time has passed. Returns the ready files."""
        ready, writable, _ = select.select([self.wakeup, *readers], writers, [], max(0.0, seconds))
        if self.wakeup in ready:
            try:
                while os.read(self.wakeup, 4096):
                    pass
            except BlockingIOError:
                pass
        return ready + writable


def readable_pipe():
    """Returns a pipe whose reader never blocks.

    A child can open its end for reading and take back what the driver saw there, so a blocking read would wait for the
    child.
    """
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    return reader, writer


def read_some(reader, size):
    """Returns what there is to read, b"" at the end, or None if there is nothing at present."""
    try:
        return os.read(reader, size)
    except BlockingIOError:
        return None


def set_dumpable(dumpable):
    """Decides whether other processes of this user may look into this one, by ptrace or /proc."""
    if libc("prctl", PR_SET_DUMPABLE, int(dumpable), 0, 0, 0) != 0:
        raise OSError("prctl refused PR_SET_DUMPABLE")


def libc(name, *arguments):
    """Calls a function of the C library with integers, bytes and pointers, and returns its result as an int."""
    return _ctypes.call_function(_ctypes.dlsym(_ctypes.dlopen(None, 0), name), arguments)


class Pointer(_ctypes._SimpleCData):
    """A number of the machine's word size, as an argument of a C function."""

    _type_ = "P"


def pin_code():
    """Keeps the code and the constants of this driver in memory, or raises OSError.

    The container has no swap, so pages of programs and libraries are the only ones that the kernel can take away. An
    agent that fills the memory and reads files would leave the driver waiting for its own code. Code is locked first,
    then constants and variables, as far as the memlock limit of the daemon allows: 8 MiB on most machines, which all
    code fits in. Of what cannot be locked, this process gets pages of its own, which take memory but need no limit.
    """
    with open("/proc/self/maps") as lines:
        mappings = [line.split() for line in lines]
    for kind, protection in PINNED.items():
        for span, permissions, _, _, inode, *_ in mappings:
            if permissions == kind and inode != "0":
                start, end = (int(number, 16) for number in span.split("-"))
                if libc("mlock2", Pointer(start), Pointer(end - start), MLOCK_ONFAULT) != 0:
                    own_pages(start, end, protection)


def own_pages(start, end, protection):
    """Replaces the pages of a private mapping by copies that belong to this process alone."""
    span = Pointer(start), Pointer(end - start)
    if libc("mprotect", *span, protection | mmap.PROT_WRITE) != 0:
        raise OSError("mprotect refused to make the driver's code private")
    for page in range(start, end, mmap.PAGESIZE):
        # One byte onto itself: the kernel copies a page when it is written to.
        libc("memmove", Pointer(page), Pointer(page), 1)
    if libc("mprotect", *span, protection) != 0:
        raise OSError("mprotect refused to protect the driver's code again")


def out_of_memory_kills():
    """Returns how many processes here the kernel has killed for lack of memory (cgroup v2, then v1)."""
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


def wipe(directory):
    """Empties a directory, if it exists. Returns whether that succeeded.

    Its owner may have locked it, filled it, or nested directories deeper than a path can be long. So the directories
    found inside an inner directory are moved up and emptied in their turn.
    """
    if not os.path.isdir(directory):
        return True
    try:
        if os.stat(directory).st_uid == os.getuid():
            os.chmod(directory, 0o700)
        while names := os.listdir(directory):
            for name in names:
                remove(directory, os.path.join(directory, name))
        return True
    except OSError:
        return False


def remove(directory, path):
    """Removes a file, or a directory whose inner directories are first moved up to `directory`."""
    if os.path.islink(path) or not os.path.isdir(path):
        return os.unlink(path)
    os.chmod(path, 0o700)
    for name in os.listdir(path):
        inner = os.path.join(path, name)
        if os.path.islink(inner) or not os.path.isdir(inner):
            os.unlink(inner)
        else:
            # A directory must be writable to be moved to another parent.
            os.chmod(inner, 0o700)
            os.rename(inner, os.path.join(directory, os.urandom(16).hex()))
    os.rmdir(path)


def wipe_all():
    """Empties every place where a process of a trial can leave something. Returns whether that succeeded."""
    return all([wipe(WORK), wipe(TMP), wipe(QUEUES)])


def ending(status):
    """Returns how a process ended: its exit status or the signal that ended it."""
    if status is None:
        return {"exit": None, "signal": None}
    if os.WIFSIGNALED(status):
        return {"exit": None, "signal": os.WTERMSIG(status)}
    return {"exit": os.WEXITSTATUS(status), "signal": None}


def read_only_path(path):
    """Returns the entries of a module search path where nothing in this container can create or change a file.

    These are the absolute ones outside WRITABLE: the root is mounted read-only, as is what covers its site-packages.
    """
    absolute = [entry for entry in path if entry.startswith("/")]
    places = [(entry, f"{os.path.normpath(entry)}/", f"{os.path.realpath(entry)}/") for entry in absolute]
    return [entry for entry, named, real in places if not named.startswith(WRITABLE) and not real.startswith(WRITABLE)]


def preload():
    """Imports what answers import most, so that the processes forked for them have it already.

    The first trial in a container does without, because many containers see no other. Importing after an agent has run
    is safe: `main` has limited `sys.path` by `read_only_path`, so an agent finds no place to plant a module.
    """
    for name in COMMON_MODULES:
        try:
            __import__(name)
        except ImportError:
            pass  # an image may leave it out


# ---- The two commands ----------------------------------------------------------------------------


class AgentOutput:
    """What the agent has printed so far: the beginning of stdout and the end of stderr."""

    def __init__(self, answer_bytes, stderr_bytes):
        self.answer_bytes, self.stderr_bytes = answer_bytes, stderr_bytes
        self.stdout, self.stderr, self.stderr_total = bytearray(), bytearray(), 0

    def is_over_limit(self):
        return len(self.stdout) > self.answer_bytes

    def add_stdout(self, chunk):
        if not self.is_over_limit():
            self.stdout += chunk

    def add_stderr(self, chunk):
        self.stderr_total += len(chunk)
        self.stderr += chunk
        del self.stderr[: -self.stderr_bytes]

    def report(self):
        return {
            "stdout": self.stdout[: self.answer_bytes].decode("latin-1"),
            "stderr": self.stderr.decode("latin-1"),
            "stderr_truncated": self.stderr_total > len(self.stderr),
        }


class Connection:
    """A connection of the agent to its model."""

    def __init__(self, number, socket):
        self.number, self.socket, self.fd = number, socket, socket.fileno()
        # How many bytes the host takes at present.
        self.credit = WINDOW_BYTES
        # What the host sent and the agent has not taken yet.
        self.undelivered = bytearray()
        self.host_closed = False


class Relay:
    """Carries bytes between the agent's connections to its model and the host. It reads none of them.

    What is under way is limited for each connection and direction, so an agent that does not read, or sends without
    end, fills up nothing but its own windows.
    """

    def __init__(self, host, deadline):
        import _socket

        self.host, self.deadline, self.new_socket = host, deadline, _socket.socket
        self.listener = _socket.socket(
            _socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC
        )
        self.listener.bind(MODEL_SOCKET)
        self.listener.listen(BACKLOG)
        self.connections = {}
        self.accepted = 0

    def readers(self):
        """Files to read from, as long as the host takes what is sent to it."""
        if len(self.host.unsent) > WINDOW_BYTES:
            return []
        files = [connection.fd for connection in self.connections.values() if connection.credit]
        if len(self.connections) < MAX_CONNECTIONS and self.accepted < ALL_CONNECTIONS:
            files.append(self.listener.fileno())
        return files

    def writers(self):
        files = [connection.fd for connection in self.connections.values() if connection.undelivered]
        return [*files, self.host.sink] if self.host.unsent else files

    def serve(self, ready):
        """Carries what the ready files have."""
        for connection in list(self.connections.values()):
            if connection.fd in ready:
                self.deliver(connection)
                self.collect(connection)
        if self.listener.fileno() in ready:
            self.accept()
        if self.host.source in ready:
            self.take()
        if self.host.unsent:
            self.host.flush_some()

    def accept(self):
        try:
            file, _ = self.listener._accept()
        except OSError:
            return  # it was closed already
        socket = self.new_socket(fileno=file)
        socket.setblocking(False)
        self.connections[self.accepted] = Connection(self.accepted, socket)
        self.host.relay(self.accepted, OPENED)
        self.accepted += 1
        if self.accepted == ALL_CONNECTIONS:
            # Further connections are refused at once.
            self.listener.close()

    def collect(self, connection):
        """Passes on what the agent sent. A connection that it will send nothing more on is closed."""
        if connection.number not in self.connections or not connection.credit:
            return
        try:
            data = os.read(connection.fd, min(connection.credit, 1 << 14))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.host.relay(connection.number, CLOSED)
            return self.close(connection)
        connection.credit -= len(data)
        self.host.relay(connection.number, DATA, data)

    def deliver(self, connection):
        """Gives the agent as much as it takes at present."""
        try:
            while connection.undelivered:
                count = os.write(connection.fd, connection.undelivered)
                del connection.undelivered[:count]
                self.host.relay(connection.number, WINDOW, struct.pack(">I", count))
        except BlockingIOError:
            return
        except OSError:
            self.host.relay(connection.number, CLOSED)
            return self.close(connection)
        if connection.host_closed:
            self.close(connection)

    def take(self):
        """Takes a frame from the host."""
        tag, size = self.host.header()
        payload = self.host.read(size)
        if tag != RELAYED:
            return
        number, kind = struct.unpack_from(">IB", payload)
        if kind == CLOCK_STOPPED:
            self.deadline.stop()
        elif kind == CLOCK_RUNS:
            self.deadline.go_on()
        connection = self.connections.get(number)
        if connection is None:
            return  # the agent has closed it meanwhile
        if kind == WINDOW:
            connection.credit += struct.unpack_from(">I", payload, 5)[0]
        elif kind == DATA:
            connection.undelivered += payload[5:]
            self.deliver(connection)
        elif kind == CLOSED:
            connection.host_closed = True
            self.deliver(connection)

    def close(self, connection):
        if self.connections.pop(connection.number, None):
            connection.socket.close()

    def close_all(self):
        """Closes every connection and the socket. The host has been sent nothing in part."""
        for connection in list(self.connections.values()):
            self.close(connection)
        self.listener.close()


class AgentRun:
    """Runs `python agent.py --task PROMPT` in an empty directory and collects what it prints."""

    def __init__(self, host, processes, order):
        self.host, self.processes = host, processes
        self.source, self.prompt = order["agent"], order["prompt"]
        self.usage = Usage(processes.container_cpu)
        self.deadline = Deadline(host, self.usage, order["wall_ms"] / 1000)
        self.printed = AgentOutput(order["answer_bytes"], order["stderr_bytes"])
        self.status = self.stopped_for = None
        self.killed, self.clean = False, True
        self.relay = Relay(host, self.deadline) if order["model"] else None

    def run(self):
        kills_before = out_of_memory_kills()
        output, output_end = readable_pipe()
        errors, errors_end = readable_pipe()
        agent = self.start(output_end, errors_end)
        os.close(output_end)
        os.close(errors_end)
        self.collect(agent, {output: self.printed.add_stdout, errors: self.printed.add_stderr})
        os.close(output)
        os.close(errors)
        if self.relay:
            self.relay.close_all()
        if self.printed.is_over_limit():
            self.stopped_for = self.stopped_for or "output"
        self.clean = wipe_all() and self.clean
        self.host.state(
            answer={
                **self.printed.report(),
                "stopped_for": self.stopped_for,
                "out_of_memory": out_of_memory_kills() > kills_before,
                "clean": self.clean,
                **ending(self.status),
                **self.usage.report(),
                **self.deadline.report(),
            }
        )

    def start(self, output_end, errors_end):
        with open(WORK + "/agent.py", "w", encoding="utf-8", newline="") as file:
            file.write(self.source)
        # Without -P: the agent's directory is the first place where it looks for modules, as for any script. Only the
        # agent itself can have put a module there.
        arguments = [sys.executable, "-s", "-X", "utf8", "agent.py", "--task", self.prompt]
        environment = dict(AGENT_ENVIRONMENT)
        if self.relay:
            environment["ARENA_MODEL_SOCKET"] = MODEL_SOCKET
        return self.processes.fork(
            output_end, errors_end, [], lambda: os.execve(sys.executable, arguments, environment)
        )

    def collect(self, agent, sinks):
        """Reads from each pipe into its sink until the agent has ended or was stopped, and the pipes are empty."""
        while True:
            left = 0.1 if self.killed else self.supervise(agent)
            # Once all processes are dead, what is left in the pipes is read to its end.
            if self.killed and not sinks:
                return
            relay = self.relay if not self.killed else None
            readers = [*sinks, self.host.source, *(relay.readers() if relay else ())]
            writers = relay.writers() if relay else ()
            ready = self.processes.wait(readers, 0.1 if self.killed else left, writers)
            # A process that cannot be killed may hold a pipe open: then only what is there already is read.
            if self.killed and not self.clean and not any(fd in ready for fd in sinks):
                return
            for fd in sinks.keys() & set(ready):
                chunk = read_some(fd, 1 << 16)
                if chunk:
                    sinks[fd](chunk)
                elif chunk is not None:
                    del sinks[fd]
            if relay:
                relay.serve(ready)
            elif self.host.source in ready:
                # Only frames of connections can come now; or else the host has gone, and this process ends.
                _, size = self.host.header()
                self.host.read(size)

    def supervise(self, agent):
        """Kills everything if the agent has ended or exceeded a limit. Returns the time that is left, in seconds."""
        self.status = self.processes.reap(self.usage, agent)
        left = self.deadline.left()
        over_limit = self.printed.is_over_limit()
        if self.status is None and not over_limit and left > 0:
            return left
        if self.status is None:
            self.stopped_for = "output" if over_limit else "time"
        self.usage.wall_seconds = time.monotonic() - self.usage.started
        late, self.clean = self.processes.kill_all(self.usage, agent)
        self.status = late if self.status is None else self.status
        self.killed = True
        return left


class CallClock:
    """How much time is left for the call that a process is making.

    The process's own CPU clock is exact and cheap, but does not include its children. The container's clock includes
    everything, but is coarse and costs more, so it is read rarely, and the call gets the benefit of the age of the
    reading that it began with. A call that does nothing has no CPU time to limit, so its wall-clock time is limited as
    well, without the time for which the machine kept it from running.
    """

    def __init__(self, pid, container_cpu, limit):
        self.clock = ((~pid) << 3) | 2  # the kernel's number for the CPU clock of a whole process
        self.container_cpu, self.cpu_limit = container_cpu, limit
        self.own_before, self.limit = 0.0, limit
        self.all_before = self.all_now = container_cpu.seconds()
        self.read_at = self.started = time.monotonic()
        self.threads = None

    def own(self):
        try:
            return time.clock_gettime(self.clock)
        except OSError:
            return self.own_before  # it ended

    def left(self):
        """Returns the CPU time that is left, in seconds."""
        left = self.limit - (self.own() - self.own_before)
        now = time.monotonic()
        if self.all_now is None or now - self.started < self.limit:
            return left
        self.read_at, self.all_now = now, self.container_cpu.seconds()
        return min(left, self.limit + CPU_READING_SECONDS - (self.all_now - self.all_before))

    def idle_left(self):
        """Returns for how long the call may still neither use nor wait for the CPU, in seconds."""
        now = time.monotonic()
        if self.threads is None:
            if now - self.started < self.limit:
                return self.started + self.limit - now
            self.threads, self.waited, self.idle_at = scheduled_seconds(), 0.0, now + IDLE_SHARE * self.limit
        if not self.threads:
            return self.limit  # nothing is known about scheduling, as in gVisor
        if now >= self.idle_at:
            before, threads = self.threads, scheduled_seconds()
            waited = max((threads[t][1] - before.get(t, (0.0, 0.0))[1] for t in threads), default=0.0)
            self.idle_at += max(0.0, waited - self.waited)
            self.waited = max(waited, self.waited)
        return self.idle_at - now

    def restart(self, input_bytes=0):
        """Starts to measure the next call, which has to decode that many bytes."""
        self.own_before = self.own()
        self.limit = self.cpu_limit + DECODING_SECONDS * input_bytes
        self.started = time.monotonic()
        self.threads = None
        if self.all_now is not None and self.started - self.read_at > CPU_READING_SECONDS:
            self.read_at, self.all_now = self.started, self.container_cpu.seconds()
        self.all_before = self.all_now


class Inputs:
    """The batch of inputs that is due, in memory that no child inherits.

    It is passed on undecoded, so this process never holds an input anywhere else, and no process that is forked later
    can find one in memory that was freed.
    """

    def __init__(self):
        self.memory = None
        self.size = self.sent = 0

    def read(self, host):
        """Reads the next batch from the host. Returns its size in bytes."""
        _, size = host.next()
        if self.memory is None or len(self.memory) < 4 + size:
            self.memory = mmap.mmap(-1, max(INPUT_BYTES, 4 + size), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            self.memory.madvise(mmap.MADV_DONTFORK)
        self.memory[:4] = struct.pack(">I", size)
        self.size, self.sent = 4 + size, 0
        at = 4
        while at < self.size:
            with memoryview(self.memory) as memory, memory[at : self.size] as rest:
                count = os.readv(host.source, [rest])
            if not count:
                sys.exit(0)
            at += count
        return size

    def is_sent(self):
        return self.sent == self.size

    def send(self, writer):
        """Writes as much to the candidate's process as it takes at present."""
        try:
            with memoryview(self.memory) as memory, memory[self.sent : self.size] as rest:
                self.sent += os.write(writer, rest)
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self.sent = self.size  # it ended

    def send_again(self):
        self.sent = 0

    def release(self):
        """Gives memory back that only an unusually large batch needed."""
        if self.memory is not None and len(self.memory) > INPUT_BYTES:
            self.memory.close()
            self.memory = None


class Calls:
    """Makes the calls of one command in a process forked from this one, and in another one if that ends.

    `batches` holds how many calls each batch has. The inputs of a batch are handed over when its first call is due.
    """

    def __init__(self, host, processes, inputs, order):
        self.host, self.processes, self.inputs, self.order = host, processes, inputs, order
        self.usage = Usage(processes.container_cpu)
        self.deadline = Deadline(host, self.usage, order["wall_ms"] / 1000)
        self.batches, self.count = order["batches"], sum(order["batches"])
        self.batches_read = self.batch_start = self.batch_end = 0
        self.values_left, self.timeouts_left = order["values_bytes"], order["timeouts"]
        self.next = 0
        self.slowest_call = 0.0
        self.loaded = False
        self.clean = True

    def run(self):
        with open(ANSWER_FILE, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            file.write(self.order["source"])
        while self.next < self.count and self.timeouts_left > 0:
            why, detail = self.run_candidate()
            if why == "done":
                break
            if not self.loaded:
                self.host.state(load_ended={"why": why, **detail})
                break
            if why == "stopped":
                break
            self.host.state(ended={"index": self.next, "why": why, **detail})
            # A call that ends like this takes long, and the host may want no more of them.
            self.flush()
            if why in ("wall", "values"):
                break
            if why in ("cpu", "idle"):
                self.timeouts_left -= 1
            self.next += 1
        while self.batches_read < len(self.batches):
            self.read_batch()
        self.inputs.release()
        self.clean = wipe_all() and self.clean
        slowest = {"slowest_call_ms": round(self.slowest_call * 1000)}
        self.host.state(done={"clean": self.clean, **slowest, **self.usage.report(), **self.deadline.report()})

    def run_candidate(self):
        """Runs one process until it has made all calls or ends early. Returns the reason, and how it ended."""
        kills_before = out_of_memory_kills()
        results, results_end = readable_pipe()
        try:
            fcntl.fcntl(results_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:
            pass  # gVisor has no larger pipes; they only save time
        inputs_end, inputs = os.pipe()
        os.set_blocking(inputs, False)
        skip = self.next - self.batch_start if self.next < self.batch_end else 0
        process = Candidate(results_end, inputs_end, self.next, skip)
        source, name, count = self.order["source"], self.order["entry_point"], self.count
        pid = self.processes.fork(1, 1, [results_end, inputs_end], lambda: process.run(source, name, count))
        os.close(results_end)
        os.close(inputs_end)
        started = time.monotonic()
        why, status = self.follow(pid, results, inputs)
        if time.monotonic() - started > 1.0:
            self.deadline.end_processes()
        late, gone = self.processes.kill_all(self.usage, pid)
        self.clean = self.clean and gone
        os.close(results)
        os.close(inputs)
        if why == "ended" and out_of_memory_kills() > kills_before:
            why = "memory"
        return why, ending(late if status is None else status)

    def follow(self, pid, results, inputs):
        """Passes on the process's frames until there is a reason to end it. Returns it, and its status if it ended."""
        clock = CallClock(pid, self.processes.container_cpu, self.order["call_cpu_ms"] / 1000)
        buffer, ready, status = bytearray(), False, None
        while True:
            why, seconds = self.time_left(clock)
            if why is not None:
                return why, status
            readers = [results]
            if self.batches_read == len(self.batches):
                readers.append(self.host.source)
            writers = [] if not ready or self.inputs.is_sent() else [inputs]
            # What it sent before it ended is still in the pipe, which a child of it may hold open.
            files = self.processes.wait(readers, seconds if status is None else 0.0, writers)
            if self.host.source in files and self.host.next()[0] == STOP:
                return "stopped", status
            if inputs in files:
                self.inputs.send(inputs)
            if results not in files:
                if status is not None:
                    return "ended", status
                status = self.processes.reap(self.usage, pid)
                continue
            chunk = read_some(results, 1 << 20)
            if chunk is None:
                continue
            if not chunk:
                return "ended", status
            # An outcome that arrives after the limit does not count, whatever woke the driver up.
            if clock.left() <= 0:
                return "cpu", status
            buffer += chunk
            if ready:
                self.slowest_call = max(self.slowest_call, clock.own() - clock.own_before)
            before = self.next, ready
            why, ready = self.take_frames(buffer, ready)
            if why is not None:
                return why, status
            if (self.next, ready) != before:
                self.begin_call(clock, inputs, is_new=not before[1])
                if self.next > self.batch_start and len(chunk) < PIPE_BYTES // 2:
                    time.sleep(PAUSE_SECONDS)

    def time_left(self, clock):
        """Returns why the time is up, if it is, and for how long to wait at most, in seconds."""
        left = {"wall": self.deadline.left(), "cpu": clock.left(), "idle": clock.idle_left()}
        for why, seconds in left.items():
            if seconds <= 0:
                return why, 0.0
        return None, max(0.002, min(left.values()))

    def begin_call(self, clock, inputs, is_new):
        """Hands over the inputs of the next batch if its first call is due, and starts to measure the next call.

        A new process, for which another one ended early, gets the rest of the present batch as well.
        """
        input_bytes = 0
        if self.next == self.batch_end:
            input_bytes = self.read_batch()
        elif is_new:
            self.inputs.send_again()
            input_bytes = self.inputs.size
        clock.restart(input_bytes)
        if not self.inputs.is_sent():
            self.inputs.send(inputs)

    def read_batch(self):
        """Reads the next batch of inputs. Returns its size in bytes."""
        # Time during which the host sends nothing is not counted against the candidate.
        started = time.monotonic()
        size = self.inputs.read(self.host)
        self.deadline.at += time.monotonic() - started
        self.batch_start = self.batch_end
        self.batch_end += self.batches[self.batches_read]
        self.batches_read += 1
        return size

    def take_frames(self, buffer, ready):
        """Passes on whole frames that are due. Returns a reason to stop or None, and whether the answer is loaded."""
        value_bytes = self.order["value_bytes"]
        at, why = 0, None
        while why is None and len(buffer) >= at + 8:
            length, tag = struct.unpack_from(">II", buffer, at)
            end = at + 4 + length
            due = self.next if self.next < self.batch_end else None
            if length < 4:
                why = "turn"
            elif length - 4 > (value_bytes if ready else REFUSAL_BYTES):
                why = "value"
            elif len(buffer) < end:
                break
            elif not ready and tag == REFUSED and not self.loaded:
                self.host.pass_on(buffer[at:end])
                why = "done"
            elif tag != (due if ready else LOADED):
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
                if self.next == self.count:
                    why = "done"
        del buffer[:at]
        if len(self.host.unsent) > 1 << 16:
            self.flush()
        return why, ready

    def flush(self):
        # Time during which the host reads nothing is not counted against the candidate.
        started = time.monotonic()
        self.host.flush()
        self.deadline.at += time.monotonic() - started


def main():
    if os.getpid() != 1:
        sys.exit("driver: it kills every other process, so it only runs as process 1 of a container")
    sys.path[:] = read_only_path(sys.path)
    host, processes, inputs = Host(), Processes(), Inputs()
    set_dumpable(False)
    pin_code()
    os.chdir(WORK)
    host.state(ready={"python": sys.version.split()[0]})
    host.flush()
    commands = 0
    while True:
        order = host.command()
        commands += 1
        if commands == COMMANDS_PER_TRIAL + 1:
            preload()
        if "agent" in order:
            AgentRun(host, processes, order).run()
        elif "batches" in order:
            Calls(host, processes, inputs, order).run()
        host.flush()


if __name__ == "__main__":
    main()
