"""The libraries that a cell is linked with: built once for each toolchain and flags, and shared by cells.

A library is in `dependencies/<name>-<key>`: `include`, `lib`, and `dependency.json`, which says what it was built from.
The logs of its build are next to it.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.build.environment import clean_build_env
from harness.build.library_sources import obtain_library_source, source_entries
from harness.build.recipes.libraries import RECIPES, VERSION, flags_of, library_steps
from harness.build.steps import run_step
from harness.errors import BuildError, UnavailableError
from harness.manifest import Manifest
from harness.matrix.cells import Cell, Library
from harness.matrix.pins import Pins
from harness.toolchains import Toolchain
from harness.toolchains.emscripten import layout
from harness.util.cache import make_entry
from harness.util.files import remove_tree, write_atomically
from harness.util.hashing import content_key
from harness.util.locks import locked
from harness.util.progress import Progress

logger = logging.getLogger(__name__)

_RECORD = "dependency.json"


@dataclass(frozen=True, kw_only=True)
class BuiltLibrary:
    """A finished library. `record` says everything that it was built from, and `id` has the hash of that."""

    library: Library
    id: str
    root: Path
    record: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Libraries:
    """The libraries of a cell: those that are built, and why the others are missing."""

    found: tuple[BuiltLibrary, ...] = ()
    missing: Mapping[Library, str] = field(default_factory=dict)

    @property
    def ids(self) -> tuple[str, ...]:
        """Their part of the key of a build."""
        return tuple(library.id for library in self.found)

    @property
    def roots(self) -> dict[Library, Path]:
        """The folder of each, with `include` and `lib` in it."""
        return {library.library: library.root for library in self.found}

    def manifest(self) -> dict[str, Any]:
        """What the manifest of a build says of them."""
        return {
            "dependencies": {library.library.value: dict(library.record) for library in self.found},
            "missing_dependencies": {library.value: reason for library, reason in self.missing.items()},
        }


def obtain_libraries(cell: Cell, toolchain: Toolchain, pins: Pins, cache: Path, *, jobs: int) -> Libraries:
    """The libraries that the cell wants, built now unless the cache has them.

    One that is not available or cannot be built is left out, with the reason; unless the cell requires it: then its
    UnavailableError or BuildError is raised.
    """
    store = _LibraryStore(cell=cell, toolchain=toolchain, pins=pins, cache=cache)
    found: list[BuiltLibrary] = []
    missing: dict[Library, str] = {}
    for library in cell.libraries:
        try:
            found.append(store.cached(library) or store.make(library, jobs))
        except (UnavailableError, BuildError) as fault:
            if library in cell.requires:
                raise
            missing[library] = fault.message
            logger.info("%s goes without %s: %s", cell.id, library, fault.message.splitlines()[0])
    return Libraries(found=tuple(found), missing=missing)


def describe_libraries(manifest: Manifest) -> tuple[str, ...]:
    """A line about the libraries that a build is linked with and those it lacks; none if it wants no library."""
    found = [f"{name} {version}" for name, version in (manifest.libraries or {}).items()]
    missing = manifest.missing_libraries
    parts = [*([f"with {', '.join(found)}"] if found else []), *([f"without {', '.join(missing)}"] if missing else [])]
    return (f"libraries: {'; '.join(parts)}",) if parts else ()


def cached_libraries(cell: Cell, toolchain: Toolchain, pins: Pins, cache: Path) -> Libraries:
    """The libraries of the cell that the cache has."""
    store = _LibraryStore(cell=cell, toolchain=toolchain, pins=pins, cache=cache)
    there = (store.cached(library) for library in cell.libraries)
    return Libraries(found=tuple(library for library in there if library))


@dataclass(frozen=True, kw_only=True)
class _LibraryStore:
    """The libraries of one cell in the cache."""

    cell: Cell
    toolchain: Toolchain
    pins: Pins
    cache: Path

    def cached(self, library: Library) -> BuiltLibrary | None:
        """The library, if it was built from the source of any provider."""
        sources = source_entries(self.pins.library_pin(library), self.cache).values()
        entries = (self.entry(library, source.name) for source in sources)
        return next((_load(library, entry) for entry in entries if (entry / _RECORD).exists()), None)

    def entry(self, library: Library, source: str) -> Path:
        """Its place in the cache. The key has the flags of the cell that a library must share with the interpreter."""
        key = content_key([VERSION, source, self.toolchain.id, flags_of(self.cell)])
        return self.cache / "dependencies" / f"{library}-{key}"

    def make(self, library: Library, jobs: int) -> BuiltLibrary:
        """The library, built now. UnavailableError when its source is not available, BuildError when a step fails."""
        source = obtain_library_source(self.pins.library_pin(library), self.cache)
        entry = self.entry(library, source.id)
        logs, work = entry.with_name(f"{entry.name}.logs"), self.cache / "work" / entry.name
        # The environment of the harness without variables that change a build, and with what the toolchain needs.
        env, flags = clean_build_env(layout.whole_environment(self.toolchain, self.cache)), flags_of(self.cell)
        steps = library_steps(library, source.version, flags, work=work, env=env, jobs=jobs)
        progress = Progress(f"build {library} {source.version}", total=len(steps))

        def build(folder: Path) -> None:
            with locked(work.with_name(f"{work.name}.lock")) as lock:
                remove_tree(work)
                shutil.copytree(source.root, work, symlinks=True)
                done = [run_step(step, logs / f"{step.name}.log", progress, held=(lock,)) for step in steps]
                _lay_out(library, source.version, work, folder, logs)
            record = {
                "version": source.version,
                "provider": source.provider,
                "origin": source.origin,
                "sha256": source.revision,
                "toolchain": self.toolchain.id,
                "flags": list(flags),
                "steps": done,
            }
            write_atomically(folder / _RECORD, json.dumps(record, indent=1) + "\n")
            # The work tree of a build that fails stays, so that its step can be run again by hand.
            remove_tree(work)

        return _load(library, make_entry(entry, build))


def _load(library: Library, entry: Path) -> BuiltLibrary:
    record = json.loads((entry / _RECORD).read_text(encoding="utf-8"))
    return BuiltLibrary(library=library, id=entry.name, root=entry, record=record)


def _lay_out(library: Library, version: str, work: Path, folder: Path, logs: Path) -> None:
    """Moves what was built into its place in the entry."""
    for goal, product in RECIPES[library].products.items():
        if not (work / product).is_file():
            raise BuildError(f"the build of {library} {version} made no {product}", hint=f"its logs: {logs}")
        (folder / goal).parent.mkdir(parents=True, exist_ok=True)
        (work / product).rename(folder / goal)
