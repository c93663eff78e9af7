"""The libraries that a cell is linked with: how they are built, and what happens when one cannot be built."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from harness.build import libraries as built
from harness.build.artifact import build_inputs
from harness.build.libraries import (
    BuiltLibrary,
    Libraries,
    cached_libraries,
    describe_libraries,
    obtain_libraries,
)
from harness.build.library_sources import source_entries
from harness.build.recipes.libraries import RECIPES, flags_of, library_steps
from harness.errors import BuildError, UnavailableError
from harness.manifest import Manifest
from harness.matrix.cells import Cell, Library, with_python
from harness.matrix.pins import LibraryPin, Pins, load_pins
from harness.matrix.python_source import PythonSource
from harness.sources import Source
from harness.targets import Engine, Target
from harness.toolchains import Toolchain
from harness.util.process import Command

OWN = load_pins(Path(__file__).parents[3] / "matrices" / "pins.toml")
CELL = Cell(
    id="emscripten-3.1.69-deps",
    target=Target.EMSCRIPTEN,
    engine=Engine.NODE,
    toolchain="3.1.69",
    python=PythonSource.parse("3.13.5"),
    runtime="24",
    description="",
    libraries=(Library.ZLIB, Library.LIBFFI),
)
TOOLCHAIN = Toolchain(id="em", kind="emscripten", version="3.1.69", provider="apt", root=Path("/em"), facts={})
SOURCE = Source(id="s", version="3.13.5", root=Path("/s"), provider="apt", origin="o", revision="r")
PINS = Pins(
    library=tuple(
        LibraryPin(name=name, version="1.2", url="https://example.org/a.tgz", sha256="ab" * 32, apt_sha256="cd" * 32)
        for name in (Library.ZLIB, Library.LIBFFI)
    )
)


def commands_of(library: Library, flags: tuple[str, ...] = ("-O2",)) -> list[Command]:
    steps = library_steps(library, "1.2", flags, work=Path("/build"), env={"PATH": "/em"}, jobs=3)
    return [step.command for step in steps]


def put(cache: Path, library: Library, cell: Cell = CELL, provider: str = "apt") -> Path:
    """A finished library in the cache."""
    source = source_entries(PINS.library_pin(library), cache)[provider].name
    store = built._LibraryStore(cell=cell, toolchain=TOOLCHAIN, pins=PINS, cache=cache)
    entry = store.entry(library, source)
    entry.mkdir(parents=True)
    (entry / "dependency.json").write_text(json.dumps({"version": "1.2"}))
    return entry


@pytest.mark.parametrize("library", Library)
def test_each_library_has_a_pin_and_is_built_where_its_source_is(library: Library) -> None:
    assert OWN.library_pin(library).apt_suite == "trixie"
    assert {command.cwd for command in commands_of(library)} == {Path("/build")}
    assert {goal.split("/")[0] for goal in RECIPES[library].products} == {"include", "lib"}


@pytest.mark.parametrize("library", Library)
def test_the_flags_of_the_interpreter_reach_every_library(library: Library) -> None:
    """With other flags wasm-ld refuses to link the archive, or the code cannot be relocated."""
    flags = ("-O2", "-fPIC", "-pthread")
    commands = commands_of(library, flags)
    assert all(command.env["CFLAGS"] == " ".join(flags) for command in commands)
    given = any("-pthread" in argument for command in commands for argument in command.argv)
    # zlib's configure takes them from the environment and from nowhere else.
    assert given or library is Library.ZLIB


def test_a_library_shares_only_with_cells_of_the_same_flags() -> None:
    assert flags_of(CELL) == flags_of(with_python(dataclasses.replace(CELL, pydebug=True), "3.14.6")) == ("-O2",)
    assert flags_of(dataclasses.replace(CELL, dynamic_linking=True, pthreads=True)) == ("-O2", "-fPIC", "-pthread")


def test_sqlite_has_locks_only_where_there_are_threads() -> None:
    assert "-DSQLITE_THREADSAFE=0" in commands_of(Library.SQLITE)[0].argv
    assert "-DSQLITE_THREADSAFE=1" in commands_of(Library.SQLITE, ("-O2", "-pthread"))[0].argv


def test_a_build_without_libraries_keeps_its_key() -> None:
    assert "dependencies" not in build_inputs(CELL, SOURCE, TOOLCHAIN)
    zlib = BuiltLibrary(library=Library.ZLIB, id="zlib-1", root=Path("/zlib"), record={})
    inputs = build_inputs(CELL, SOURCE, TOOLCHAIN, Libraries(found=(zlib,)))
    assert inputs.pop("dependencies") == ["zlib-1"]
    assert inputs == build_inputs(CELL, SOURCE, TOOLCHAIN)


def test_the_head_of_a_run_says_which_libraries_are_there_and_which_are_not() -> None:
    record = {"version": "1.3.1"}
    both = {"dependencies": {"zlib": record, "bzip2": record}, "missing_dependencies": {"libffi": "away"}}
    assert describe_libraries(Manifest.from_json(both)) == ("libraries: with zlib 1.3.1, bzip2 1.3.1; without libffi",)
    assert describe_libraries(Manifest(missing_libraries=("libffi",))) == ("libraries: without libffi",)
    assert describe_libraries(Manifest(libraries={})) == describe_libraries(Manifest()) == ()


def test_what_the_cache_has_is_found_whichever_provider_gave_its_source(tmp_path: Path) -> None:
    entry = put(tmp_path, Library.LIBFFI, provider="tarball")
    put(tmp_path, Library.ZLIB, dataclasses.replace(CELL, pthreads=True))
    found = cached_libraries(CELL, TOOLCHAIN, PINS, tmp_path).found
    assert [(library.library, library.root) for library in found] == [(Library.LIBFFI, entry)]


def test_what_the_cache_has_is_asked_of_no_provider(tmp_path: Path, said: list[str]) -> None:
    put(tmp_path, Library.ZLIB)
    put(tmp_path, Library.LIBFFI)
    libraries = obtain_libraries(CELL, TOOLCHAIN, PINS, tmp_path, jobs=1)
    assert [library.library for library in libraries.found] == list(CELL.libraries)
    assert (libraries.missing, said) == ({}, [])


@pytest.mark.parametrize("fault", [UnavailableError("it is away\nfor long"), BuildError("cc: error\nin line 3")])
def test_a_missing_library_is_a_fact_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, said: list[str]
) -> None:
    put(tmp_path, Library.LIBFFI)

    def fail(*_: object, **__: object) -> Source:
        raise fault

    monkeypatch.setattr(built, "obtain_library_source", fail)
    libraries = obtain_libraries(CELL, TOOLCHAIN, PINS, tmp_path, jobs=1)
    assert libraries.ids == (cached_libraries(CELL, TOOLCHAIN, PINS, tmp_path).found[0].id,)
    assert libraries.manifest() == {
        "dependencies": {"libffi": {"version": "1.2"}},
        "missing_dependencies": {"zlib": str(fault)},
    }
    assert said == [f"emscripten-3.1.69-deps goes without zlib: {str(fault).splitlines()[0]}"]
    with pytest.raises(type(fault)):
        obtain_libraries(dataclasses.replace(CELL, requires=(Library.ZLIB,)), TOOLCHAIN, PINS, tmp_path, jobs=1)


def test_a_library_that_is_not_pinned_is_reported(tmp_path: Path) -> None:
    libraries = obtain_libraries(CELL, TOOLCHAIN, Pins(), tmp_path, jobs=1)
    assert libraries.missing == {name: f"no release of {name} is pinned" for name in CELL.libraries}
