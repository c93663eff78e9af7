"""What a cell that is ready gives to those who test it."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from harness.build.artifact import Build
from harness.manifest import LayoutRecord, Manifest
from harness.run.prepared import Prepared
from tests.unit.sample_cells import EMSCRIPTEN, WASI


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


@pytest.mark.parametrize(("pthreads", "dynamic_linking"), [(False, False), (True, False), (False, True), (True, True)])
def test_pthreads_that_load_libraries_get_the_interpreter_as_it_was_built(
    tmp_path: Path, pthreads: bool, dynamic_linking: bool
) -> None:
    """Exports of the harness's would make their function tables unlike the main thread's."""
    cell = dataclasses.replace(EMSCRIPTEN, pthreads=pthreads, dynamic_linking=dynamic_linking)
    layout = LayoutRecord(build_folder="b", program="python.mjs", wasm="python.wasm")
    build = Build(folder=tmp_path / "build", manifest=Manifest(layout=layout))
    prepared = Prepared(cell=cell, build=build, runtime=tmp_path, cache=tmp_path / "cache")
    build.root.mkdir(parents=True)
    build.wasm.write_bytes(b"wasm")
    kept = prepared.compiled(".wasm")
    kept.write_bytes(b"wasm with the exports")
    assert prepared.wasm == (build.wasm if pthreads and dynamic_linking else kept)
