"""Prepares a cell with a CPython that somebody else has built: no toolchain and no compiler is needed."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness.build.artifact import Build
from harness.build.identity import Identity, check
from harness.build.prebuilt_cpython import (
    Interpreter,
    Parts,
    cell_of,
    check_series,
    described_by,
    from_path,
    lay_out_cpython,
    read_interpreter,
)
from harness.build.recipes.targets import guest_platform
from harness.build.stage import make_read_only, put_sysconfig_vars
from harness.engines.protocol import Mount
from harness.errors import UnavailableError
from harness.matrix.cells import Cell
from harness.matrix.pins import Pins
from harness.matrix.python_source import PythonSource
from harness.run.identify import ask_interpreter, ensure_identity
from harness.run.prebuilt import Named, list_tests, obtain_own_suite
from harness.run.prepared import OwnSuite, Prepared
from harness.sources import Source, obtain_source, obtain_suite
from harness.sources.base import LANDMARKS, read_version
from harness.sources.installed import INSTALLED
from harness.targets import Target
from harness.toolchains.runtimes import check_runtime, obtain_runtime
from harness.util.archive import unpack
from harness.util.cache import make_entry
from harness.util.files import make_folder, write_atomically
from harness.util.hashing import content_key, file_sha256
from harness.util.paths import expanded
from harness.util.versions import is_version

logger = logging.getLogger(__name__)

# How far above a build folder its source tree may be: cross-build/wasm32-emscripten/build/python.
_LEVELS = 4
_PROGRAMS = frozenset({".wasm", ".mjs"})
_COMPILE_SECONDS = 300.0


def prepare_cpython(
    cell: Cell, pins: Pins, cache: Path, named: Named, check_source: Callable[[Path], None]
) -> Prepared:
    """The cell with the CPython that the user has named, the tests that belong to it, and its runtime.

    The interpreter reports which CPython, toolchain, flags and libraries it has. The bare cell of a target takes these
    as they are. For any other cell it is a BuildError if they differ from the cell's. UnavailableError when there is no
    such interpreter, or its tests or the runtime are not available.
    """
    if not named.runtime:
        check_runtime(cell.engine.value, cell.runtime, pins, cache)
    parts = _parts(open_interpreter(cell.target, expanded(Path(named.folder)), cache), named.suite, pins, cache)
    check_series(cell, parts.interpreter)
    cell = dataclasses.replace(cell, python=PythonSource.parse(parts.interpreter.python))
    if source := parts.tests or parts.library:
        check_source(source.root)
    runtime = named.runtime or obtain_runtime(cell.engine.value, cell.runtime, pins, cache)

    def make(aside: Path) -> None:
        _make(aside, cell, parts, runtime, cache)
        if parts.tests and not parts.own_tests:
            obtain_own_suite(parts.interpreter.python, parts.tests.version, pins, cache)

    key = content_key(parts.inputs(cell.target))
    build = Build.load(make_entry(cache / "builds" / f"{cell.build_id}-{key}", make))
    # The same contents may have come from another path before.
    build = dataclasses.replace(build, manifest=from_path(build.manifest, parts.interpreter.name))
    prepared = Prepared(cell=cell_of(cell, build.manifest), build=build, runtime=runtime, cache=cache)
    own = parts.own_tests if build.manifest.other_suite else None
    if own:
        prepared = dataclasses.replace(prepared, own_suite=OwnSuite(version=build.manifest.python, folder=own))
    return dataclasses.replace(prepared, identity=ensure_identity(prepared, dict))


def _make(aside: Path, cell: Cell, parts: Parts, runtime: Path, cache: Path) -> None:
    """Lays out the build in a new folder; the interpreter identifies itself there and compiles its library."""
    manifest = lay_out_cpython(cell, parts, aside)
    write_atomically(aside / "manifest.json", json.dumps(manifest))
    logger.info("%s: asking the interpreter to identify itself", cell.id)
    answer = ask_interpreter(Prepared(cell=cell, build=Build.load(aside), runtime=runtime, cache=cache))
    described = described_by(manifest, answer)
    write_atomically(aside / "manifest.json", json.dumps(described, indent=1, sort_keys=True))
    build = Build.load(aside)
    prepared = Prepared(cell=cell_of(cell, build.manifest), build=build, runtime=runtime, cache=cache)
    check(prepared.cell, build.manifest, Identity(interpreter=answer, compiler={}))
    put_sysconfig_vars(build.root / build.manifest.layout.build_folder, guest_platform(cell.target, answer["uname"][2]))
    logger.info("%s: compiling the library, with the interpreter itself", cell.id)
    compile_library(prepared)
    logger.info("%s: asking the interpreter which tests there are", cell.id)
    write_atomically(aside / "modules.json", json.dumps(list_tests(prepared)))
    make_read_only(build.root)


def compile_library(prepared: Prepared) -> None:
    """Compiles the library without its tests, which would take three times as long, so that no guest has to.

    A file that does not compile is left as it is. A release may have bytecode only.
    """
    library = prepared.build.manifest.layout.library or "Lib"
    mount = Mount(host=prepared.build.root / library, guest=f"/{library}", writable=True)
    argv = ("-m", "compileall", "-q", "-x", rf"^/{re.escape(library)}/test/", f"/{library}")
    with tempfile.TemporaryDirectory() as scratch:
        engine = prepared.open_engine(Path(scratch) / "engine.log", 0)
        deadline = time.monotonic() + _COMPILE_SECONDS
        try:
            engine.run(
                prepared.guest_python(argv, (mount,), Path(scratch) / "output"),
                lambda: "it took too long" if time.monotonic() > deadline else None,
            )
        finally:
            engine.close()


def open_interpreter(target: Target, path: Path, cache: Path) -> Interpreter:
    """The interpreter at the path: a folder, the program in it, or an archive, which is unpacked into the cache.

    UnavailableError for an archive that is damaged, and for what holds no interpreter.
    """
    if path.suffix in _PROGRAMS:
        folder = path.parent
        return read_interpreter(target, folder.parent if folder.name == "bin" else folder, name=str(path), program=path)
    if not path.is_file():
        return read_interpreter(target, path)
    entry = cache / "prebuilt" / f"archive-{file_sha256(path)[:16]}-{target}"

    def make(aside: Path) -> None:
        unpack(path, aside)
        read_interpreter(target, aside, name=str(path))

    make_folder(entry.parent)
    return read_interpreter(target, make_entry(entry, make), name=str(path))


def _parts(found: Interpreter, suite: str, pins: Pins, cache: Path) -> Parts:
    """The interpreter with the sources that it needs; `suite` is the CPython that the user wants the tests of."""
    named = obtain_suite(suite, pins, cache) if suite else None
    if found.library:
        if not named and not found.has_tests:
            named = _own_source(found, "tests", pins, cache)
        return Parts(interpreter=found, tests=named)
    library = _source_of_build(found, named, pins, cache)
    return Parts(interpreter=found, library=library, tests=named if named and named.id != library.id else None)


def _source_of_build(found: Interpreter, named: Source | None, pins: Pins, cache: Path) -> Source:
    """The source tree around a build folder, or that of the same version, or else the one that the user has named."""
    above = list(found.folder.parents)[:_LEVELS]
    around = next((path for path in above if all((path / mark).is_file() for mark in LANDMARKS)), None)
    if around and (version := read_version(around)) != found.python:
        raise UnavailableError(
            f"{found.folder / found.wasm} is CPython {found.python}, and the source tree around it is {version}",
            hint="build it again, or copy the build folder out of the tree: then the source of its version is taken",
        )
    if around:
        return obtain_source(PythonSource.parse(str(around)), pins, cache)
    if named and named.version == found.python and named.provider != INSTALLED:
        return named
    return _own_source(found, "library", pins, cache)


def _own_source(found: Interpreter, part: str, pins: Pins, cache: Path) -> Source:
    near = "; --suite VERSION takes those of another one: some fail for that alone"
    hint = f"--suite PATH takes a checkout of that version{near if part == 'tests' else ''}"
    why = "it is no release"
    if is_version(found.python):
        try:
            return obtain_source(PythonSource.parse(found.python), pins, cache)
        except UnavailableError as refusal:
            why = refusal.message
    lack = f"{found.name} has no {part} of its own, and the source of CPython {found.python} is not available"
    raise UnavailableError(f"{lack}: {why}", hint=hint)
