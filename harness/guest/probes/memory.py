"""Emscripten's file system in memory, which is what a guest has where nothing else is mounted."""

import os
import sys

from observed import NoEffect, NotApplicable, scratch

# Emscripten makes it; natively the folder that the harness names stands for it.
HOME = "/home/web_user"
TEXT = "left by the interpreter before"


def _place(name: str) -> str:
    folder = HOME if sys.platform == "emscripten" else scratch("")
    if not os.path.isdir(folder):
        raise NotApplicable(f"there is no {folder}")
    return os.path.join(folder, name)


def kept_between_runs() -> None:
    """Run twice: a file that the first interpreter leaves, the second one looks for."""
    path = _place("left")
    try:
        with open(path) as stream:
            found = stream.read()
    except FileNotFoundError:
        found = ""
    with open(path, "w") as stream:
        stream.write(TEXT)
    if found != TEXT:
        raise NoEffect("what an interpreter wrote is gone in the next one")


def file_of_two_gigabytes() -> None:
    """The largest whose size a C long can count; but for its last byte it is a hole, which takes no space on a disk."""
    path, size = _place("large"), (1 << 31) - 1
    with open(path, "wb") as stream:
        stream.seek(size - 1)
        stream.write(b"x")
    found = os.stat(path).st_size
    os.unlink(path)
    if found != size:
        raise NoEffect(f"the size is {found}")


def free_space() -> None:
    """A file takes of the space that is said to be free."""
    path = _place("sixteen-megabytes")
    before = os.statvfs(_place(""))
    with open(path, "wb") as stream:
        stream.write(b"x" * (16 << 20))
        stream.flush()
        os.fsync(stream.fileno())
    after = os.statvfs(_place(""))
    os.unlink(path)
    if before.f_bfree == after.f_bfree:
        raise NoEffect(f"{before.f_bfree} of {before.f_blocks} blocks are free, whatever is written")
