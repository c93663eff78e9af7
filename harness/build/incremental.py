"""The build folders of a checkout that its user works on are kept: the next build of it compiles what has changed.

make decides what that is, by its own dependencies and the times of files. Where those dependencies cannot be trusted,
everything is built again; the times are set right. So what comes out is the same either way.
"""

from __future__ import annotations

import contextlib
import filecmp
import json
import logging
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.sources import Source
from harness.util.files import remove_tree, write_atomically
from harness.util.hashing import content_key
from harness.util.locks import locked

logger = logging.getLogger(__name__)

_RECORD = ".kept.json"
# Nothing is compiled from these but the frozen modules, which are always made again.
_NOT_COMPILED = ("Lib/", "Doc/", "Misc/NEWS.d/")
# What bytecode depends on besides its source.
_COMPILER = ("Include", "Objects", "Parser", "Python")


@dataclass(frozen=True, kw_only=True)
class Changes:
    """How a tree differs from an earlier one. `written` are new and changed files."""

    written: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


def is_kept(source: Source) -> bool:
    """Whether there will be another source like this one: a pinned version never changes."""
    return source.provider == "checkout"


def kept_key(source: Source, inputs: Mapping[str, Any]) -> str:
    """Names what is kept of a checkout, for builds that have the same `inputs` but for the source's contents."""
    return content_key([source.origin, {key: value for key, value in inputs.items() if key != "source"}])


@contextlib.contextmanager
def alone(source: Source, cache: Path) -> Iterator[None]:
    """One build of a checkout at a time: they share what is kept. Other sources need not wait for each other."""
    if not is_kept(source):
        yield
        return
    with locked(cache / "work" / f"checkout-{content_key(source.origin)}.lock"):
        yield


def ready(folder: Path, source: Source, *, other: Path) -> None:
    """Makes the folder fit for this source: what an interrupted build of it left is gone on with, what another one has
    finished is looked at by make again, or goes. The log says why it goes.

    `other` is the folder of the other build, the host's or the native one: some files are compiled only there.
    """
    record = _record(folder)
    if folder.is_dir() and record.get("source") != str(source.root):
        if reason := _go_on(folder, other, record, source):
            logger.info("everything is built again: %s", reason)
            remove_tree(folder)
        # The frozen modules are made by the build Python, and make does not look whether that has changed.
        for stale in (folder / "done", *folder.rglob(".make-*.done"), *folder.rglob("frozen_modules/*.h")):
            stale.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, source, {**record, "finished": False})


def keep(folder: Path, source: Source, library: Path | None = None) -> None:
    """Notes that the folder is finished, and where the compiled library of that build is."""
    _write(folder, source, {"finished": True, "library": str(library or "")})


def compiled_library(folder: Path, source: Source) -> Path | None:
    """The library of the build that the folder was kept from, if it is still there and would be compiled the same."""
    library = Path(str(_record(folder).get("library") or "/nonexistent"))
    parts = ((library.parent / part, source.root / part) for part in _COMPILER)
    return library if library.is_dir() and all(compare_trees(*part) == Changes() for part in parts) else None


def _go_on(folder: Path, other: Path, record: Mapping[str, Any], source: Source) -> str:
    """Makes changed files newer than what was made of them before. Gives a reason where that would not do."""
    earlier = Path(str(record.get("source", "")))
    if not record.get("finished"):
        return "the last build of this checkout was not finished"
    if not earlier.is_dir():
        return "what the last build of this checkout was made from is gone"
    changes = compare_trees(earlier, source.root)
    if reason := why_anew(changes, compiled_in(folder) | compiled_in(other)):
        return reason
    _set_times(changes, earlier, source.root)
    return ""


def _set_times(changes: Changes, earlier: Path, later: Path) -> None:
    """Makes what has changed new, and what has not as old as it was, whatever was done to it in the checkout."""
    for path in _files(later):
        name = path.relative_to(later).as_posix()
        # Bytecode bears the time of its source, which other builds have too.
        if name.endswith((".py", ".pyc")):
            continue
        if name in changes.written:
            os.utime(path, follow_symlinks=False)
        elif (known := (earlier / name).lstat()).st_mtime_ns < path.lstat().st_mtime_ns:
            os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns), follow_symlinks=False)


def why_anew(changes: Changes, compiled: Collection[str]) -> str:
    """Why make cannot be trusted with these changes; empty when it can.

    `compiled` are the C files, without their suffix, that have an object file of their own.
    """
    for name in sorted(changes.removed):
        if not name.startswith(_NOT_COMPILED):
            return f"{name} is gone"
    for name in sorted(changes.written):
        if not name.startswith(_NOT_COMPILED) and not (name.endswith(".c") and name.removesuffix(".c") in compiled):
            return f"{name} has changed, and make does not know all that this concerns"
    return ""


def compare_trees(earlier: Path, later: Path) -> Changes:
    """What differs between two trees, by contents; bytecode does not count."""
    old, new = (
        {path.relative_to(root).as_posix() for path in _files(root) if path.suffix != ".pyc"}
        for root in (earlier, later)
    )
    written = frozenset(name for name in new if name not in old or not _same(earlier / name, later / name))
    return Changes(written=written, removed=frozenset(old - new))


def compiled_in(folder: Path) -> frozenset[str]:
    """The object files below a folder, without their suffix, by every path that could be theirs in the source."""
    found = set()
    for path in _files(folder):
        if path.suffix == ".o":
            parts = path.relative_to(folder).with_suffix("").parts
            found |= {"/".join(parts[start:]) for start in range(len(parts))}
    return frozenset(found)


def link_bytecode(earlier: Path, later: Path) -> None:
    """Gives the library `later` the bytecode of an `earlier` one, of the files that are the same in both."""
    for path in _files(earlier):
        if path.suffix != ".pyc":
            continue
        source = path.parent.parent / f"{path.name.partition('.')[0]}.py"
        goal, new_source = (later / old.relative_to(earlier) for old in (path, source))
        if source.exists() and new_source.exists() and _same(source, new_source):
            goal.parent.mkdir(exist_ok=True)
            with contextlib.suppress(OSError):
                os.link(path, goal)


def _record(folder: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        record: dict[str, Any] = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        return record
    return {}


def _write(folder: Path, source: Source, fields: Mapping[str, Any]) -> None:
    write_atomically(folder / _RECORD, json.dumps({**fields, "source": str(source.root)}))


def _files(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in names)


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    same_mode = os.access(one, os.X_OK) == os.access(other, os.X_OK)
    return same_mode and filecmp.cmp(one, other, shallow=False)
