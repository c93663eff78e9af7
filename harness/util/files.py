"""Writes and removes files, and reports a full or read-only disk as an error of the machine."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from harness.errors import UnavailableError
from harness.project import CACHE_VARIABLE


def remove_tree(folder: Path) -> None:
    """Deletes a folder, if it exists, with everything in it, also where permissions forbid that.

    A guest may have made it. No link is followed. It may be deeper than a path can be long, or than files can be open,
    so each folder in it is moved to the top before it is emptied. What cannot be deleted is left.
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


def text_or_none(path: Path) -> str | None:
    """The text of a file with the ends of its lines; None where there is none that can be read, or it is not UTF-8."""
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replaces the file in one step; a reader sees the old content or the new one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with disk_errors_as_unavailable(path):
        try:
            aside.write_bytes(content.encode() if isinstance(content, str) else content)
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
def disk_errors_as_unavailable(path: Path) -> Iterator[None]:
    """UnavailableError, which names `path`, for a disk that is full or read-only, or a folder that is not ours."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FAULTS:
            raise disk_error(error, path) from error
        raise


def make_folder(path: Path) -> None:
    """Makes the folder and those above it. UnavailableError for whatever keeps it from being made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, path) from error


def disk_error(error: OSError, path: Path) -> UnavailableError:
    """The error for the user when the disk is full or not writable."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    places = f"{CACHE_VARIABLE}=FOLDER moves the cache, --run-dir DIR the results"
    hint = f"free some space; {places}" if full else f"a folder that can be written to serves: {places}"
    return UnavailableError(f"cannot write {path}: {error.strerror}", hint=hint)
