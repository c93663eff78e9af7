"""The class of a source, and the last steps that all providers of sources share."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError, UnavailableError
from harness.util.cache import make_entry
from harness.util.files import write_atomically

LANDMARKS = ("Include/patchlevel.h", "Lib/os.py", "Modules/Setup.stdlib.in", "configure")
_SETUP_LOCAL = "# Made by cpython-wasm-harness: CPython's getpath and Tools/wasm look for this file.\n"
_RECORD = "source.json"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source tree of our own: CPython's, or a library's.

    `id` stands for the contents and names folders. `version` of a CPython is patchlevel.h's: `3.13.5`, `3.14.0a2+`.
    `root` is never the user's own folder. `origin` is a url, a package or a path; `revision` a sha256 or a commit.
    """

    id: str
    version: str
    root: Path
    provider: str
    origin: str
    revision: str
    dirty: bool = False


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a tree comes from, before it is known which version it is."""

    provider: str
    origin: str
    revision: str
    dirty: bool = False


def read_version(root: Path) -> str:
    """PY_VERSION of Include/patchlevel.h, without quotes."""
    return read_patchlevel(root / "Include" / "patchlevel.h")


def read_patchlevel(path: Path) -> str:
    """PY_VERSION of a patchlevel.h, without quotes. ConfigError for a file that defines none."""
    text = path.read_text(encoding="utf-8", errors="replace")
    found = re.search(r'^#define\s+PY_VERSION\s+"([^"]+)"', text, re.MULTILINE)
    if not found:
        raise ConfigError(f"{path} defines no PY_VERSION", hint="is this CPython's own file?")
    return found.group(1)


def check_landmarks(root: Path, name: str) -> None:
    """ConfigError, with what is missing, for a folder that is not CPython's source."""
    missing = [landmark for landmark in LANDMARKS if not (root / landmark).is_file()]
    if missing:
        raise ConfigError(
            f"{name} is not a CPython source tree: it has no {', no '.join(missing)}",
            hint="give the top folder of a CPython checkout, or a version",
        )


def cached(entry: Path) -> Source | None:
    """The source in that cache entry, if it is there. Touches nothing else."""
    try:
        data = json.loads((entry / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Source(**data, id=entry.name, root=entry / "tree")


def make_source(entry: Path, fill: Callable[[Path], Provenance]) -> Source:
    """The CPython in that cache entry, its tree filled by `fill` when it is not there yet."""

    def fill_and_check(tree: Path) -> Provenance:
        provenance = fill(tree)
        check_landmarks(tree, provenance.origin)
        setup_local = tree / "Modules" / "Setup.local"
        if not setup_local.exists():
            setup_local.write_text(_SETUP_LOCAL, encoding="utf-8")
        return provenance

    return make_tree(entry, fill_and_check, read_version)


def make_tree(entry: Path, fill: Callable[[Path], Provenance], version: Callable[[Path], str]) -> Source:
    """The tree in that cache entry, filled by `fill` when it is not there yet. `version` reads its version."""

    def make(folder: Path) -> None:
        tree = folder / "tree"
        tree.mkdir()
        record = dataclasses.asdict(fill(tree)) | {"version": version(tree)}
        write_atomically(folder / _RECORD, json.dumps(record, indent=2) + "\n")

    make_entry(entry, make)
    source = cached(entry)
    if source is None:
        raise UnavailableError(f"the cache entry {entry} is damaged", hint="delete that folder and try again")
    return source
