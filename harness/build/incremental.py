"""Incremental builds of a checkout: its build folders are kept, so that its next build compiles only what has changed.

make decides what to compile, by its own dependencies and the modification times of files. The times are corrected
before it runs, and where its dependencies are known to be incomplete everything is built again: the result is that of a
full build either way.
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
# Only the frozen modules are compiled from these, and they are always made again.
_NOT_COMPILED = ("Lib/", "Doc/", "Misc/NEWS.d/")
# What bytecode depends on besides its source.
_COMPILER = ("Include", "Objects", "Parser", "Python")


@dataclass(frozen=True, kw_only=True)
class Changes:
    """How a tree differs from an earlier one. `written` are new and changed files."""

    written: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


def is_kept(source: Source) -> bool:
    """Whether its build folders are kept: a checkout will change and be built again, a pinned version does not."""
    return source.provider == "checkout"


def kept_key(source: Source, inputs: Mapping[str, Any]) -> str:
    """The key of a checkout's build folder. Builds share it that have the same `inputs` except for the contents of the
    source.
    """
    return content_key([source.origin, {key: value for key, value in inputs.items() if key != "source"}])


@contextlib.contextmanager
def one_at_a_time(source: Source, cache: Path) -> Iterator[None]:
    """Lets one build of a checkout run at a time, since its builds share folders. Other sources are not locked."""
    if not is_kept(source):
        yield
        return
    with locked(cache / "work" / f"checkout-{content_key(source.origin)}.lock"):
        yield


def prepare_folder(folder: Path, source: Source, *, other: Path) -> None:
    """Prepares a kept build folder for this source, or makes a new one.

    What an interrupted build of the same source left stays as it is. What a build of an earlier state of the checkout
    left is updated for make, or removed where make could not be relied on; the log says why.

    `other` is the folder of the other build, the cross build's or the native one: some files are compiled only there.
    """
    record = _record(folder)
    if folder.is_dir() and record.get("source") != str(source.root):
        if reason := _update_times(folder, other, record, source):
            logger.info("everything is built again: %s", reason)
            remove_tree(folder)
        # The frozen modules are made by the build Python, and make does not check whether that has changed.
        for stale in (folder / "done", *folder.rglob(".make-*.done"), *folder.rglob("frozen_modules/*.h")):
            stale.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, source, {**record, "finished": False})


def record_finished(folder: Path, source: Source, library: Path | None = None) -> None:
    """Records that the build in the folder is finished, and where the compiled library of that build is."""
    _write(folder, source, {"finished": True, "library": str(library or "")})


def compiled_library(folder: Path, source: Source) -> Path | None:
    """The library of the last finished build in the folder, if it still exists and its bytecode is still valid: the
    sources of the compiler have not changed.
    """
    library = Path(str(_record(folder).get("library") or "/nonexistent"))
    parts = ((library.parent / part, source.root / part) for part in _COMPILER)
    return library if library.is_dir() and all(compare_trees(*part) == Changes() for part in parts) else None


def _update_times(folder: Path, other: Path, record: Mapping[str, Any], source: Source) -> str:
    """Makes the changed files newer than what was compiled from them. Returns why everything has to be built again
    instead; empty when it does not.
    """
    earlier = Path(str(record.get("source", "")))
    if not record.get("finished"):
        return "the last build of this checkout was not finished"
    if not earlier.is_dir():
        return "what the last build of this checkout was made from is gone"
    changes = compare_trees(earlier, source.root)
    if reason := why_rebuild(changes, compiled_in(folder) | compiled_in(other)):
        return reason
    _set_times(changes, earlier, source.root)
    return ""


def _set_times(changes: Changes, earlier: Path, later: Path) -> None:
    """Sets the time of changed files to now, and that of all others to what it was at the last build: a file that was
    switched to another branch and back is newer, though it is the same.
    """
    for path in _files(later):
        name = path.relative_to(later).as_posix()
        # Bytecode records the time of its source, and other builds share these sources.
        if name.endswith((".py", ".pyc")):
            continue
        if name in changes.written:
            os.utime(path, follow_symlinks=False)
        elif (known := (earlier / name).lstat()).st_mtime_ns < path.lstat().st_mtime_ns:
            os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns), follow_symlinks=False)


def why_rebuild(changes: Changes, compiled: Collection[str]) -> str:
    """Why everything has to be built again after these changes; empty when make will compile all that depends on them.

    `compiled` are the C files, without their suffix, that have an object file of their own. make recompiles one of
    these when it changes; what depends on any other file, such as a header, it may not know.
    """
    for name in sorted(changes.removed):
        if not name.startswith(_NOT_COMPILED):
            return f"{name} is gone"
    for name in sorted(changes.written):
        if not name.startswith(_NOT_COMPILED) and not (name.endswith(".c") and name.removesuffix(".c") in compiled):
            return f"{name} has changed, and make does not know all that this concerns"
    return ""


def compare_trees(earlier: Path, later: Path) -> Changes:
    """What differs between two trees, by contents. Bytecode is ignored."""
    old, new = (
        {path.relative_to(root).as_posix() for path in _files(root) if path.suffix != ".pyc"}
        for root in (earlier, later)
    )
    written = frozenset(name for name in new if name not in old or not _same(earlier / name, later / name))
    return Changes(written=written, removed=frozenset(old - new))


def compiled_in(folder: Path) -> frozenset[str]:
    """The object files below a folder, without their suffix, under every path that their source could have."""
    found = set()
    for path in _files(folder):
        if path.suffix == ".o":
            parts = path.relative_to(folder).with_suffix("").parts
            found |= {"/".join(parts[start:]) for start in range(len(parts))}
    return frozenset(found)


def link_bytecode(earlier: Path, later: Path) -> None:
    """Links the bytecode of the library `earlier` into the library `later`, for the files that are the same in both."""
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
