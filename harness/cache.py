"""Where everything lives that can be made again, and how it is made safely.

`WASM_HARNESS_CACHE` moves the cache; without it the user's own cache folder is taken. An entry is made aside,
under a lock, and moved into place when it is finished: it is there whole, or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import hashlib
import json
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import platformdirs

from harness.errors import UnavailableError
from harness.paths import expanded

VARIABLE = "WASM_HARNESS_CACHE"
LOCK_POLL_SECONDS = 0.1


def cache_root() -> Path:
    """The cache folder, which need not exist yet."""
    moved = os.environ.get(VARIABLE)
    return expanded(Path(moved)) if moved else Path(platformdirs.user_cache_dir("cpython-wasm-harness"))


def content_key(value: Any) -> str:
    """Sixteen hex digits that stand for a JSON-able value: the name of a content-addressed entry."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextlib.contextmanager
def locked(path: Path, *, say: Callable[[str], None] = print) -> Iterator[int]:
    """Holds the lock `path`, waiting for whoever has it. Gives the descriptor that carries it.

    A child that inherits the descriptor keeps the lock after our death, so that nobody enters a tree in which
    an orphaned make is still at work. `name_group` tells the lock of that child; whoever waits ends the
    orphans, where it can know them for such (on Linux, in the same pid namespace), else waits for their end.
    """
    with disk_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        told = False
        while not _try_lock(descriptor):
            _end_orphans(descriptor)
            if not told:
                say(f"waiting for another run that holds {path}")
                told = True
            time.sleep(LOCK_POLL_SECONDS)
        with disk_faults(path):
            name_group(descriptor, 0)
        try:
            yield descriptor
        finally:
            os.ftruncate(descriptor, 0)  # the numbers will soon be another's
    finally:
        os.close(descriptor)


def name_group(descriptor: int, group: int) -> None:
    """Notes in a lock that we hold it, the process group of a child that inherits it, and where both are."""
    os.pwrite(descriptor, f"{os.getpid():<12}{group:<12}{_place():<16}".encode(), 0)


def _end_orphans(descriptor: int) -> None:
    """Kills the group that holds a lock whose owner is dead."""
    words = os.pread(descriptor, 40, 0).decode("ascii", "replace").split()
    # Containers and hosts may share the lock: elsewhere the numbers are those of somebody else.
    if len(words) != 3 or words[2] != _place():
        return
    owner, group = int(words[0]), int(words[1])
    if group and not _is_alive(owner):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def _place() -> str:
    """Stands for what a pid means something in: a start of the system and a pid namespace. Empty if not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
    return content_key([boot, namespace])


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make_entry(final: Path, make: Callable[[Path], None], *, say: Callable[[str], None] = print) -> Path:
    """`final`, made by `make(folder)` in a folder aside unless it is there. Two runs may want it at once."""
    if final.exists():
        return final
    with disk_faults(final), locked(final.with_name(final.name + ".lock"), say=say):
        if final.exists():
            return final
        _remove_leftovers(final)
        aside = Path(tempfile.mkdtemp(dir=final.parent, prefix=f".{final.name}."))
        try:
            aside.chmod(0o755)
            make(aside)
            aside.rename(final)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    return final


def _remove_leftovers(final: Path) -> None:
    """Deletes what runs that were killed have left of this entry, whose lock is held."""
    for left in final.parent.glob(f".{glob.escape(final.name)}.????????"):  # what mkdtemp adds
        if left.is_dir():
            remove_tree(left)


def remove_tree(folder: Path) -> None:
    """Deletes a folder, if it is there, with all that is in it, also where permissions forbid it.

    A guest may have made it: no link is followed, and it may be deeper than a path is long or than many files are open.
    So each folder in it is moved to its top before it is emptied. What the system does not let go is left.
    """
    if folder.is_symlink() or not folder.is_dir():
        return
    with contextlib.suppress(OSError):
        folder.chmod(0o700)
        top = os.open(folder, _FOLDER)
        try:
            _empty_by(top)
        finally:
            os.close(top)
        folder.rmdir()


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def _empty_by(top: int) -> None:
    """Deletes what is in the folder with the descriptor `top`."""
    mark, count = secrets.token_hex(8), 0
    waiting = ["."]
    while waiting:
        name = waiting.pop()
        with contextlib.suppress(OSError):
            descriptor = os.open(name, _FOLDER, dir_fd=top)
            try:
                for entry in list(os.scandir(descriptor)):
                    count += 1
                    if moved := _remove_or_move(entry, descriptor, top, f"{mark}-{count}"):
                        waiting.append(moved)
            finally:
                os.close(descriptor)
            if name != ".":
                # What was in it has been deleted, or waits at the top.
                os.rmdir(name, dir_fd=top)


def _remove_or_move(entry: os.DirEntry[str], folder: int, top: int, name: str) -> str:
    """Deletes an entry of `folder`, or moves it to `top` under `name` if it is a folder; gives its new name then."""
    with contextlib.suppress(OSError):
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.name, dir_fd=folder)
            return ""
        os.chmod(entry.name, 0o700, dir_fd=folder)
        os.rename(entry.name, name, src_dir_fd=folder, dst_dir_fd=top)
        return name
    return ""


def write_atomically(path: Path, text: str) -> None:
    """Replaces the file in one step; a reader sees the old text or the new one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with disk_faults(path):
        try:
            aside.write_text(text, encoding="utf-8")
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


_DISK_FAULTS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.ENOTDIR,
        errno.EEXIST,
        errno.EIO,
    }
)


@contextlib.contextmanager
def disk_faults(path: Path) -> Iterator[None]:
    """Tells a disk that is full or read-only, or a folder that is not ours, as what it is. `path` is told."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FAULTS:
            raise disk_error(error, path) from error
        raise


def disk_error(error: OSError, path: Path) -> UnavailableError:
    """What a full or unwritable disk is to the user."""
    return UnavailableError(
        f"cannot write {path}: {error.strerror}",
        hint=f"free some space, or move the cache with {VARIABLE}=FOLDER",
    )
