"""All that lies between a cell's name and its first test."""

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

    `toolchain` is a path or a version, `runtime` a version or `path:` and where a runtime of this machine is.
    `tree_pins` takes what the source tree pins, in the place of what the cell says. `pins` is a file with further pins,
    `bundle` one that takes the place of source, toolchain and build. `prebuilt` is the folder of an interpreter that
    somebody else has built, `suite` the CPython whose tests it gets, `own_suite` that whose tests are compared
    with these. `web_example` asks for the build that has the web example: of a tree in which it is a build of its own
    that build, which no engine can run.
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
        """The wishes among parsed options (harness/run/options.py); not every command has all of them."""
        names = (field.name for field in dataclasses.fields(cls))
        return cls(**{name: getattr(options, name) for name in names if hasattr(options, name)})

    def check(self) -> None:
        """ConfigError when they contradict each other."""
        others = ("cpython", "provider", "toolchain", "tree_pins", "prebuilt", "suite")
        useless = [name for name in others if getattr(self, name)]
        if self.bundle and useless:
            option = useless[0].replace("_", "-")
            raise ConfigError(
                f"--bundle tests a build that is finished, and --{option} says how to make one",
                hint="leave one of them out",
            )

    def check_for(self, cell: Cell) -> None:
        """ConfigError when the cell has no use for one of them."""
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


def named_cell(cell_id: str, wishes: BuildRequest) -> Cell:
    """The cell, with the version of its runtime that the user has chosen; nothing is obtained or built.

    ConfigError for an unknown cell and for wishes that it has no use for, UnavailableError when the runtime that it is
    to run under is this machine's own, and missing or of no use.
    """
    wishes.check()
    cell = load_configuration()[0].cell(cell_id)
    wishes.check_for(cell)
    return _named_runtime(cell, wishes.runtime)[0]


def prepare(cell_id: str, wishes: BuildRequest, check_source: Callable[[Path], None] = lambda _: None) -> Prepared:
    """The cell with its build and runtime, made now as far as they are not there yet.

    `check_source` gets the source tree before anything else is obtained, and may refuse what was asked for.

    BuildError when the interpreter that was built says that it is something else than the cell.
    """
    wishes.check()
    with steps_shown(cell_id):
        return _prepared(cell_id, wishes, check_source)


def _prepared(cell_id: str, wishes: BuildRequest, check_source: Callable[[Path], None]) -> Prepared:
    matrix, pins = load_configuration()
    if wishes.pins:
        pins = load_pins(Path(wishes.pins), pins)
    cell = matrix.cell(cell_id)
    wishes.check_for(cell)
    if wishes.bundle:
        return _from_bundle(cell, wishes, pins)
    if wishes.cpython:
        cell = with_python(cell, wishes.cpython)
    cache = cache_root()
    if cell.is_prebuilt or wishes.prebuilt:
        cell, own_runtime = _named_runtime(cell, wishes.runtime)
        named = Named(folder=wishes.prebuilt, suite=wishes.suite, runtime=own_runtime)
        prepare_named = prepare_prebuilt if cell.is_prebuilt else prepare_cpython
        return with_own_suite(prepare_named(cell, pins, cache, named, check_source), pins, wishes.own_suite)
    from_tree = wishes.tree_pins or not cell.toolchain
    if from_tree:
        check_takes_tree_pins(cell)
    cell, toolchain_path = _with_toolchain(cell, wishes.toolchain, as_stated=from_tree)
    cell, own_runtime = _named_runtime(cell, wishes.runtime)
    if from_tree:
        source = _source(cell, pins, cache, check_source)
        chosen = Overrides(toolchain=bool(wishes.toolchain), runtime=bool(wishes.runtime))
        cell = pinned_by_tree(cell, tree_of(cell, source), source.version, pins, chosen)
    _check_first(cell, pins, cache, provider=wishes.provider, toolchain=toolchain_path, runtime=not own_runtime)
    if not from_tree:
        source = _source(cell, pins, cache, check_source)
    tree = tree_of(cell, source)
    if is_page := wishes.web_example and tree.script(cell.target) is Script.WASM_BUILD:
        cell = dataclasses.replace(cell, configure=(*cell.configure, BROWSER_TARGET))
    # What cannot be built is refused before a toolchain is downloaded.
    check_fits(cell, tree, source.version)
    toolchain = obtain_toolchain(cell, pins, cache, provider=wishes.provider, path=toolchain_path)
    runtime = own_runtime or obtain_runtime(cell.engine.value, cell.runtime, pins, cache)
    jobs = wishes.jobs or os.cpu_count() or 1
    libraries = obtain_libraries(cell, toolchain, pins, cache, jobs=jobs)
    build = ensure_build(cell, source, toolchain, cache, jobs=jobs, libraries=libraries)
    prepared = Prepared(cell=cell, build=build, runtime=runtime, cache=cache)
    if is_page:
        return prepared
    compiler = functools.partial(ask_compiler, cell, toolchain, cache)
    return dataclasses.replace(prepared, identity=ensure_identity(prepared, compiler))


def _from_bundle(cell: Cell, wishes: BuildRequest, pins: Pins) -> Prepared:
    """The cell with the build of a bundle. There is no compiler here to ask: the bundle has its answer."""
    cache, bundle = cache_root(), Path(wishes.bundle)
    cell, own_runtime = _named_runtime(cell, wishes.runtime)
    if not own_runtime:
        check_runtime(cell.engine.value, cell.runtime, pins, cache)
    head, build = open_bundle(bundle, cache, lambda head: check_is_for(head, cell, str(bundle)))
    cell = dataclasses.replace(cell, toolchain=cell.toolchain or build.manifest.toolchain.version)
    check_is_build_of(build.manifest, cell, str(bundle))
    cell = with_python(cell, head.python)
    runtime = own_runtime or obtain_runtime(cell.engine.value, cell.runtime, pins, cache)
    prepared = Prepared(cell=cell, build=build, runtime=runtime, cache=cache)
    prepared = with_own_suite(prepared, pins, wishes.own_suite)
    return dataclasses.replace(prepared, identity=ensure_identity(prepared, lambda: head.compiler))


def _check_first(cell: Cell, pins: Pins, cache: Path, *, provider: str, toolchain: Path | None, runtime: bool) -> None:
    """Refuses, before anything is downloaded, what needs no network to be refused: ConfigError or UnavailableError.

    `runtime` is whether one is to be installed.
    """
    check_paths(cache)
    if cell.python.version:
        pins.cpython_pin(cell.python.version)
    if own := check_toolchain(cell, pins, provider=provider, path=toolchain):
        check_paths(expanded(own))
    if runtime:
        check_runtime(cell.engine.value, cell.runtime, pins, cache)
    check_tools(cache)


def _with_toolchain(cell: Cell, wish: str, *, as_stated: bool = False) -> tuple[Cell, Path | None]:
    """The cell with the version of its toolchain, which the user may have chosen, or the path of one. `as_stated`: the
    version is the one that the toolchain at the path states, whatever the cell has. UnavailableError when nothing is at
    the path.
    """
    if is_number(wish):
        return dataclasses.replace(cell, toolchain=wish), None
    path = Path(wish) if wish else None
    if path and not expanded(path).exists():
        raise UnavailableError(
            f"--toolchain {wish} is neither a version nor a path where something is",
            hint=f"give a version, such as {cell.toolchain or '6.0.5'}, or where a toolchain is on this machine",
        )
    if path and as_stated:
        cell = dataclasses.replace(cell, toolchain=stated_version(cell.target, path))
    return cell, path


def _source(cell: Cell, pins: Pins, cache: Path, check: Callable[[Path], None]) -> Source:
    source = obtain_source(cell.python, pins, cache)
    check(source.root)
    return source


def _named_runtime(cell: Cell, wish: str) -> tuple[Cell, Path | None]:
    """The cell with the version of its runtime, which the user may have chosen; and where a runtime of this machine is,
    when the user has named one.
    """
    wanted = wish or cell.runtime
    kind, colon, path = wanted.partition(":")
    if wanted == MACHINES_OWN and cell.engine.is_browser:
        program, version = machines_browser(cell.engine)
        return dataclasses.replace(cell, runtime=version), program
    if not colon:
        return dataclasses.replace(cell, runtime=wanted), None
    if kind != "path" or not path:
        raise ConfigError(
            f"--runtime {wish}: {cell.id} runs under {cell.engine}: name a version of it, "
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
    # An entry stands there once for each of its tests.
    Expectations(tuple(dict.fromkeys(expectations.entries.values()))).check_modules(build.modules())
    return expectations
