"""The keys by which a workflow keeps what it has built, and the jobs that it makes of the matrix."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from harness.build import keys
from harness.build.keys import keys_of
from harness.build.recipes import libraries
from harness.bundles.index import FORMAT
from harness.cli.github import JOBS_OF_A_MATRIX, job_outputs
from harness.errors import ConfigError, UnavailableError
from harness.matrix.cells import Cell, Library, with_python
from harness.matrix.pins import EmscriptenPin, EmsdkPin, LibraryPin, Pins, RuntimePin
from harness.matrix.python_source import PythonSource
from harness.targets import Engine, Target
from tests.unit.sample_pins import ARCHIVE, CELL, CPYTHON, PINS

NODE = RuntimePin(name="node", version="24.19.0", sha256=("cd" * 32,))
EMSDK = EmsdkPin(url="https://emsdk.example.org", commit="a" * 40)
ZLIB = LibraryPin(name=Library.ZLIB, version="1.3.1", url="https://zlib.example.org/z.tgz", sha256="ef" * 32)
ALL_PINS = dataclasses.replace(
    PINS,
    emsdk=EMSDK,
    emscripten=(EmscriptenPin(version="3.1.69", node="24.19.0"),),
    runtime=(*PINS.runtime, NODE),
    library=(ZLIB,),
)
EMSCRIPTEN = Cell(
    id="emscripten-3.1.69",
    target=Target.EMSCRIPTEN,
    engine=Engine.NODE,
    toolchain="3.1.69",
    python=PythonSource.parse("3.13.5"),
    runtime="24.19.0",
    description="for tests",
)


def jobs(*cells: Cell, shards: int = 1) -> dict[str, list[dict[str, str]]]:
    lines = job_outputs(cells, ALL_PINS, shards).splitlines()
    return {name: json.loads(text)["include"] for name, _, text in (line.partition("=") for line in lines)}


@pytest.mark.parametrize(
    "change",
    [
        {"pydebug": True},
        {"pthreads": True},
        {"dynamic_linking": True},
        {"configure": ("--with-x",)},
        {"libraries": (Library.ZLIB,)},
    ],
)
def test_a_cell_with_other_flags_is_another_build_of_the_same_parts(change: dict[str, Any]) -> None:
    one, other = (
        keys_of(EMSCRIPTEN, ALL_PINS, FORMAT),
        keys_of(dataclasses.replace(EMSCRIPTEN, **change), ALL_PINS, FORMAT),
    )
    assert one.build != other.build
    assert (one.source, one.toolchain) == (other.source, other.toolchain)


@pytest.mark.parametrize("change", [{"runtime": "51.0.0"}, {"tags": ("x",)}, {"case_timeout": 1.0}])
def test_what_a_build_does_not_depend_on_is_in_no_key(change: dict[str, Any]) -> None:
    assert keys_of(CELL, PINS, FORMAT) == keys_of(dataclasses.replace(CELL, **change), PINS, FORMAT)


def test_another_source_changes_its_key_and_the_build_and_not_the_toolchain() -> None:
    pins = dataclasses.replace(PINS, cpython=(dataclasses.replace(CPYTHON, sha256="00" * 32),))
    one, other = keys_of(CELL, PINS, FORMAT), keys_of(CELL, pins, FORMAT)
    assert one.source != other.source
    assert one.build != other.build
    assert one.toolchain == other.toolchain


@pytest.mark.parametrize(
    ("cell", "pins"),
    [
        (CELL, dataclasses.replace(ALL_PINS, wasi_sdk_archive=(dataclasses.replace(ARCHIVE, sha256="00" * 32),))),
        (EMSCRIPTEN, dataclasses.replace(ALL_PINS, emsdk=dataclasses.replace(EMSDK, commit="b" * 40))),
        (EMSCRIPTEN, dataclasses.replace(ALL_PINS, runtime=(dataclasses.replace(NODE, sha256=("00" * 32,)),))),
    ],
)
def test_another_toolchain_changes_its_key_and_the_build_and_not_the_source(cell: Cell, pins: Pins) -> None:
    one, other = keys_of(cell, ALL_PINS, FORMAT), keys_of(cell, pins, FORMAT)
    assert one.toolchain != other.toolchain
    assert one.build != other.build
    assert one.source == other.source


def test_another_library_or_recipe_is_another_build(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = dataclasses.replace(EMSCRIPTEN, libraries=(Library.ZLIB,))
    found = {keys_of(cell, ALL_PINS, FORMAT).build}
    pins = dataclasses.replace(ALL_PINS, library=(dataclasses.replace(ZLIB, sha256="00" * 32),))
    found.add(keys_of(cell, pins, FORMAT).build)
    monkeypatch.setattr(libraries, "VERSION", 10**6)
    found.add(keys_of(cell, ALL_PINS, FORMAT).build)
    monkeypatch.setattr(keys, "recipe_version", lambda _target: 10**6)
    found.add(keys_of(cell, ALL_PINS, FORMAT).build)
    assert len(found) == 4


def test_what_is_not_pinned_has_no_key() -> None:
    with pytest.raises(UnavailableError, match=r"CPython 3\.99\.0 is not pinned"):
        keys_of(with_python(CELL, "3.99.0"), PINS, FORMAT)


def test_cells_that_share_a_build_share_its_job_and_each_has_its_shards() -> None:
    newer = dataclasses.replace(CELL, id="wasi-wasmtime51", runtime="51.0.0")
    made = jobs(CELL, newer, EMSCRIPTEN, shards=2)
    assert [job["cell"] for job in made["build"]] == ["wasi", "emscripten-3.1.69"]
    assert [(job["name"], job["shard"]) for job in made["test"]] == [
        ("wasi-1-of-2", "1/2"),
        ("wasi-2-of-2", "2/2"),
        ("wasi-wasmtime51-1-of-2", "1/2"),
        ("wasi-wasmtime51-2-of-2", "2/2"),
        ("emscripten-3.1.69-1-of-2", "1/2"),
        ("emscripten-3.1.69-2-of-2", "2/2"),
    ]
    assert {job["key"] for job in made["test"]} == {job["key"] for job in made["build"]}


def test_what_github_would_refuse_is_refused_first() -> None:
    with pytest.raises(ConfigError, match=r"257 jobs, and GitHub starts at most 256"):
        job_outputs([CELL], ALL_PINS, JOBS_OF_A_MATRIX + 1)
    with pytest.raises(ConfigError, match=r"one shard or more"):
        job_outputs([CELL], ALL_PINS, 0)
    with pytest.raises(ConfigError, match=r"no cell is named"):
        job_outputs([], ALL_PINS, 1)
