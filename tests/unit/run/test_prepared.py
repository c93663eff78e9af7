"""What a prepared cell gives to those who test it."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from harness.build.artifact import Build
from harness.engines import browser, node
from harness.manifest import LayoutRecord, Manifest
from harness.matrix.cells import Distribution
from harness.run.prepared import Prepared
from harness.targets import Engine
from tests.unit.sample_cells import EMSCRIPTEN, WASI

HOST = Path(node.__file__).parent / "child"


def test_an_exchanged_interpreter_is_not_run_from_what_was_made_of_the_other(tmp_path: Path) -> None:
    layout = LayoutRecord(build_folder="b", program="python.wasm", wasm="python.wasm")
    build = Build(folder=tmp_path / "build", manifest=Manifest(layout=layout))
    prepared = Prepared(cell=WASI, build=build, runtime=tmp_path, cache=tmp_path / "cache")
    build.root.mkdir(parents=True)
    places = []
    for seconds, code in enumerate((b"wasm 3.13.5", b"wasm 3.13.4", b"wasm 3.13.5")):
        build.wasm.write_bytes(code)
        os.utime(build.wasm, (seconds, seconds))
        places.append(prepared.compiled("x.wasm"))
    assert places[0] == places[2] != places[1]


@pytest.mark.parametrize(
    ("engine", "distribution", "guest"),
    [
        (Engine.NODE, Distribution.CPYTHON, "node_guest.mjs"),
        (Engine.NODE, Distribution.PYODIDE, "pyodide_guest.mjs"),
        (Engine.CHROMIUM, Distribution.CPYTHON, "guest_worker.mjs"),
        (Engine.CHROMIUM, Distribution.PYODIDE, "pyodide_worker.mjs"),
    ],
)
def test_pyodide_is_loaded_by_a_guest_of_its_own_and_as_it_was_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine, distribution: Distribution, guest: str
) -> None:
    asked: dict[str, Any] = {}
    for opener in (browser, node):
        monkeypatch.setattr(opener, "open_session", asked.update)
    cell = dataclasses.replace(EMSCRIPTEN, engine=engine, distribution=distribution, runtime="24.19.0")
    layout = LayoutRecord(program="pyodide/pyodide.mjs", wasm="pyodide.asm.wasm")
    build = Build(folder=tmp_path / "build", manifest=Manifest(layout=layout))
    prepared = Prepared(cell=cell, build=build, runtime=tmp_path, cache=tmp_path / "cache")
    build.root.mkdir(parents=True)
    build.wasm.write_bytes(b"wasm")
    exporting = prepared.compiled(".wasm")
    exporting.write_bytes(b"wasm with the exports")
    prepared.open_engine(tmp_path / "log", 0)
    assert (HOST / asked["guest"]).is_file()
    is_pyodide = distribution is Distribution.PYODIDE
    assert (asked["guest"], asked["wasm"]) == (guest, build.wasm if is_pyodide else exporting)


@pytest.mark.parametrize(("pthreads", "dynamic_linking"), [(False, False), (True, False), (False, True), (True, True)])
def test_pthreads_that_load_libraries_get_the_interpreter_as_it_was_built(
    tmp_path: Path, pthreads: bool, dynamic_linking: bool
) -> None:
    """Exports that the harness adds would make their function tables unlike that of the main thread."""
    cell = dataclasses.replace(EMSCRIPTEN, pthreads=pthreads, dynamic_linking=dynamic_linking)
    layout = LayoutRecord(build_folder="b", program="python.mjs", wasm="python.wasm")
    build = Build(folder=tmp_path / "build", manifest=Manifest(layout=layout))
    prepared = Prepared(cell=cell, build=build, runtime=tmp_path, cache=tmp_path / "cache")
    build.root.mkdir(parents=True)
    build.wasm.write_bytes(b"wasm")
    kept = prepared.compiled(".wasm")
    kept.write_bytes(b"wasm with the exports")
    assert prepared.wasm == (build.wasm if pthreads and dynamic_linking else kept)
