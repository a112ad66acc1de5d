# expect: AC
# never: tempfile, shutil, pathlib, mmap, zipfile or file locking does not work

WORK = """
import fcntl
import mmap
import os
import pathlib
import shutil
import tempfile
import zipfile

with tempfile.TemporaryDirectory() as directory:
    place = pathlib.Path(directory)
    (place / "a").write_text("abc")
    shutil.copy2(place / "a", place / "b")
    shutil.copytree(place, place / "inner", ignore=lambda *_: ["inner"])
    os.link(place / "a", place / "c")
    (place / "d").symlink_to(place / "a")
    assert (place / "d").read_text() == "abc"
    os.utime(place / "a", (10**9, 10**9))
    (place / "b").rename(place / "e")
    with open(place / "e", "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with mmap.mmap(file.fileno(), 0) as mapped:
            assert mapped[:3] == b"abc"
    with zipfile.ZipFile(place / "z", "w") as archive:
        archive.write(place / "a", "a")
    shutil.make_archive(str(place / "all"), "gztar", place / "inner")
with tempfile.TemporaryFile() as file, tempfile.NamedTemporaryFile() as named, tempfile.SpooledTemporaryFile() as spooled:
    file.write(b"x")
    named.write(b"x")
    spooled.write(b"x")
"""

exec(WORK)
print(WORK)
print("def reverse_string(s):\n    return s[::-1]")
