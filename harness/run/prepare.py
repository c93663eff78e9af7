"""Prepares a cell for its tests: obtains its source, toolchain, libraries and runtime, and builds what is missing."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.build.artifact import Build
from harness.build.cross_build import check_paths, check_tools, ensure_build, tree_of
from harness.build.libraries import obtain_libraries
from harness.build.recipes.cpython_tree import Script
from harness.build.recipes.emscripten import BROWSER_TARGET
from harness.build.tree_pins import Overrides, check_fits, check_takes_tree_pins, pinned_by_tree
from harness.bundles.index import check_is_build_of, check_is_for
from harness.bundles.unpack import open_bundle
from harness.errors import ConfigError, UnavailableError
from harness.expectations.entries import CellExpectations, Expectations
from harness.expectations.files import load_lists
from harness.matrix.cells import MACHINES_OWN, Cell, with_python
from harness.matrix.load import load_configuration
from harness.matrix.pins import Pins, load_pins
from harness.run.identify import ask_compiler, ensure_identity
from harness.run.live import steps_shown
from harness.run.own_suite import with_own_suite
from harness.run.prebuilt import Named, prepare_prebuilt
from harness.run.prebuilt_cpython import prepare_cpython
from harness.run.prepared import Prepared
from harness.sources import Source, obtain_source
from harness.targets import Engine
from harness.toolchains import check_toolchain, obtain_toolchain, stated_version
from harness.toolchains.browsers import machines_browser, own_browser
from harness.toolchains.runtimes import check_runtime, obtain_runtime, own_node, own_wasmtime
from harness.util.cache import cache_root
from harness.util.paths import expanded
from harness.util.versions import is_number


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """What the user asked for beyond the cell's id; empty for the default.

    `toolchain` is a path or a version. `runtime` is a version, or `path:` and where a runtime of this machine is.
    `tree_pins` takes the versions that the source tree pins instead of the cell's. `pins` is a file with further pins.
    `bundle` is a bundle that replaces source, toolchain and build. `prebuilt` is the folder of an interpreter that
    somebody else has built, `suite` the CPython whose tests it runs, `own_suite` the CPython with whose tests these are
    compared. `web_example` asks for the build that contains the web example; in older trees that is a separate build,
    which no engine can run.
    """

    cpython: str = ""
    prebuilt: str = ""
    suite: str = ""
    own_suite: str = ""
    provider: str = ""
    toolchain: str = ""
    runtime: str = ""
    tree_pins: bool = False
    pins: str = ""
    jobs: int = 0
    bundle: str = ""
    web_example: bool = False

    @classmethod
    def of(cls, options: object) -> BuildRequest:
        """The request in parsed options (harness/run/options.py); not every command has all of them."""
        names = (field.name for field in dataclasses.fields(cls))
        return cls(**{name: getattr(options, name) for name in names if hasattr(options, name)})

    def check(self) -> None:
        """ConfigError when two options contradict each other."""
        others = ("cpython", "provider", "toolchain", "tree_pins", "prebuilt", "suite")
        useless = [name for name in others if getattr(self, name)]
        if self.bundle and useless:
            option = useless[0].replace("_", "-")
            raise ConfigError(
                f"--bundle tests a build that is finished, and --{option} says how to make one",
                hint="leave one of them out",
            )

    def check_for(self, cell: Cell) -> None:
        """ConfigError for an option that has no meaning for the cell."""
        is_prebuilt = cell.is_prebuilt or self.prebuilt
        of_builds = ("cpython", "provider", "toolchain", "tree_pins")
        of_prebuilt = ("suite",) if self.bundle else ("suite", "own_suite")
        useless = [name for name in (of_builds if is_prebuilt else of_prebuilt) if getattr(self, name)]
        option = f"--{useless[0].replace('_', '-')}" if useless else ""
        if useless and is_prebuilt:
            raise ConfigError(
                f"{option} says how to build, and {cell.id} is an interpreter that is built already",
                hint="--suite PATH-OR-VERSION names the CPython whose tests it gets",
            )
        if useless:
            raise ConfigError(
                f"{option} is for an interpreter that is built already, and {cell.id} is built here",
                hint="--cpython PATH-OR-VERSION names the CPython of this cell, and its tests with it",
            )


def named_cell(cell_id: str, request: BuildRequest) -> Cell:
    """The cell with the version of its runtime, which the user may have chosen; nothing is obtained or built.

    ConfigError for an unknown cell and for an option that has no meaning for it. UnavailableError when it is to run
    under a runtime of this machine that is missing or does not work.
    """
    request.check()
    cell = load_configuration()[0].cell(cell_id)
    request.check_for(cell)
    return _named_runtime(cell, request.runtime)[0]


def prepare(cell_id: str, request: BuildRequest, check_source: Callable[[Path], None] = lambda _: None) -> Prepared:
    """The cell with its build and its runtime, which are made and installed now unless the cache has them.

    `check_source` is called with the source tree before anything else is obtained, and may raise an error about what
    the user asked for. BuildError when the interpreter identifies itself as something else than the cell.
    """
    request.check()
    with steps_shown(cell_id):
        return _prepared(cell_id, request, check_source)


def _prepared(cell_id: str, request: BuildRequest, check_source: Callable[[Path], None]) -> Prepared:
    matrix, pins = load_configuration()
    if request.pins:
        pins = load_pins(Path(request.pins), pins)
    cell = matrix.cell(cell_id)
    request.check_for(cell)
    if request.bundle:
        return _from_bundle(cell, request, pins)
    if request.cpython:
        cell = with_python(cell, request.cpython)
    if cell.is_prebuilt or request.prebuilt:
        return _from_prebuilt(cell, request, pins, check_source)
    return _from_source(cell, request, pins, check_source)


def _from_prebuilt(cell: Cell, request: BuildRequest, pins: Pins, check_source: Callable[[Path], None]) -> Prepared:
    """The cell with an interpreter that somebody else has built."""
    cell, own_runtime = _named_runtime(cell, request.runtime)
    named = Named(folder=request.prebuilt, suite=request.suite, runtime=own_runtime)
    prepare_named = prepare_prebuilt if cell.is_prebuilt else prepare_cpython
    return with_own_suite(prepare_named(cell, pins, cache_root(), named, check_source), pins, request.own_suite)


def _from_source(cell: Cell, request: BuildRequest, pins: Pins, check_source: Callable[[Path], None]) -> Prepared:
    """The cell with a build of its source, made now unless the cache has it."""
    cache = cache_root()
    found = _settled(cell, request, pins, cache, check_source)
    cell, source = found.cell, found.source
    tree = tree_of(cell, source)
    if is_page := request.web_example and tree.script(cell.target) is Script.WASM_BUILD:
        cell = dataclasses.replace(cell, configure=(*cell.configure, BROWSER_TARGET))
    # What cannot be built is refused before a toolchain is downloaded.
    check_fits(cell, tree, source.version)
    toolchain = obtain_toolchain(cell, pins, cache, provider=request.provider, path=found.toolchain)
    runtime = found.runtime or obtain_runtime(cell.engine.value, cell.runtime, pins, cache)
    jobs = request.jobs or os.cpu_count() or 1
    libraries = obtain_libraries(cell, toolchain, pins, cache, jobs=jobs)
    build = ensure_build(cell, source, toolchain, cache, jobs=jobs, libraries=libraries)
    prepared = Prepared(cell=cell, build=build, runtime=runtime, cache=cache)
    if is_page:
        return prepared
    compiler = functools.partial(ask_compiler, cell, toolchain, cache)
    return dataclasses.replace(prepared, identity=ensure_identity(prepared, compiler))


@dataclass(frozen=True, kw_only=True)
class _Settled:
    """A cell whose versions are decided, and its source. `toolchain` and `runtime` are where those of this machine are
    that the user has named; None for those that are installed.
    """

    cell: Cell
    source: Source
    toolchain: Path | None
    runtime: Path | None


def _settled(
    cell: Cell, request: BuildRequest, pins: Pins, cache: Path, check_source: Callable[[Path], None]
) -> _Settled:
    """Decides which toolchain and which runtime the cell gets; only its source is downloaded.

    A cell that takes what its tree pins needs the source to decide that. Of any other cell all that can be refused
    without the network is refused before its source is downloaded.
    """
    from_tree = request.tree_pins or not cell.toolchain
    if from_tree:
        check_takes_tree_pins(cell)
    cell, toolchain = _with_toolchain(cell, request.toolchain, as_stated=from_tree)
    cell, runtime = _named_runtime(cell, request.runtime)
    if from_tree:
        source = _source(cell, pins, cache, check_source)
        chosen = Overrides(toolchain=bool(request.toolchain), runtime=bool(request.runtime))
        cell = pinned_by_tree(cell, tree_of(cell, source), source.version, pins, chosen)
    _check_first(cell, pins, cache, provider=request.provider, toolchain=toolchain, runtime=not runtime)
    if not from_tree:
        source = _source(cell, pins, cache, check_source)
    return _Settled(cell=cell, source=source, toolchain=toolchain, runtime=runtime)


def _from_bundle(cell: Cell, request: BuildRequest, pins: Pins) -> Prepared:
    """The cell with the build of a bundle. There is no compiler to ask for its macros: the bundle has them."""
    cache, bundle = cache_root(), Path(request.bundle)
    cell, own_runtime = _named_runtime(cell, request.runtime)
    if not own_runtime:
        check_runtime(cell.engine.value, cell.runtime, pins, cache)
    head, build = open_bundle(bundle, cache, lambda head: check_is_for(head, cell, str(bundle)))
    cell = dataclasses.replace(cell, toolchain=cell.toolchain or build.manifest.toolchain.version)
    check_is_build_of(build.manifest, cell, str(bundle))
    cell = with_python(cell, head.python)
    runtime = own_runtime or obtain_runtime(cell.engine.value, cell.runtime, pins, cache)
    prepared = Prepared(cell=cell, build=build, runtime=runtime, cache=cache)
    prepared = with_own_suite(prepared, pins, request.own_suite)
    return dataclasses.replace(prepared, identity=ensure_identity(prepared, lambda: head.compiler))


def _check_first(cell: Cell, pins: Pins, cache: Path, *, provider: str, toolchain: Path | None, runtime: bool) -> None:
    """ConfigError or UnavailableError, before anything is downloaded, for all that can be seen without the network.

    `runtime` is whether one will be installed.
    """
    check_paths(cache)
    if cell.python.version:
        pins.cpython_pin(cell.python.version)
    if own := check_toolchain(cell, pins, provider=provider, path=toolchain):
        check_paths(expanded(own))
    if runtime:
        check_runtime(cell.engine.value, cell.runtime, pins, cache)
    check_tools(cache)


def _with_toolchain(cell: Cell, wanted: str, *, as_stated: bool = False) -> tuple[Cell, Path | None]:
    """The cell with the version of its toolchain, and the path of the toolchain if the user has given one.

    `wanted` is a version, a path, or empty. With `as_stated` the cell gets the version that the toolchain at the path
    states. UnavailableError when nothing is at the path.
    """
    if is_number(wanted):
        return dataclasses.replace(cell, toolchain=wanted), None
    path = Path(wanted) if wanted else None
    if path and not expanded(path).exists():
        raise UnavailableError(
            f"--toolchain {wanted} is neither a version nor a path where something is",
            hint=f"give a version, such as {cell.toolchain or '6.0.5'}, or where a toolchain is on this machine",
        )
    if path and as_stated:
        cell = dataclasses.replace(cell, toolchain=stated_version(cell.target, path))
    return cell, path


def _source(cell: Cell, pins: Pins, cache: Path, check: Callable[[Path], None]) -> Source:
    source = obtain_source(cell.python, pins, cache)
    check(source.root)
    return source


def _named_runtime(cell: Cell, wanted: str) -> tuple[Cell, Path | None]:
    """The cell with the version of its runtime, and where the runtime is if the user has named one of this machine.

    `wanted` is a version, `path:` and a path, or empty for the cell's own.
    """
    wanted = wanted or cell.runtime
    kind, colon, path = wanted.partition(":")
    if wanted == MACHINES_OWN and cell.engine.is_browser:
        program, version = machines_browser(cell.engine)
        return dataclasses.replace(cell, runtime=version), program
    if not colon:
        return dataclasses.replace(cell, runtime=wanted), None
    if kind != "path" or not path:
        raise ConfigError(
            f"--runtime {wanted}: {cell.id} runs under {cell.engine}: name a version of it, "
            "or path: and where it is on this machine",
            hint="`python -m harness cells` shows the version of each cell",
        )
    program, version = _OWN[cell.engine](Path(path))
    return dataclasses.replace(cell, runtime=version), program


_OWN: Mapping[Engine, Callable[[Path], tuple[Path, str]]] = {
    Engine.NODE: own_node,
    Engine.WASMTIME: own_wasmtime,
    Engine.CHROMIUM: functools.partial(own_browser, Engine.CHROMIUM),
    Engine.FIREFOX: functools.partial(own_browser, Engine.FIREFOX),
}


def expectations_for(cell: Cell, build: Build) -> CellExpectations:
    """The lists for this cell. ConfigError when one names a module that the suite does not have."""
    manifest = build.manifest
    expectations = load_lists().for_cell(cell, python=manifest.python, libraries=manifest.libraries)
    # `entries` has an entry once for each of its tests.
    Expectations(tuple(dict.fromkeys(expectations.entries.values()))).check_modules(build.modules())
    return expectations
