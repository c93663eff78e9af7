"""What a cell that is ready gives to those who test it."""

from __future__ import annotations

import os
from pathlib import Path

from harness.build.artifact import Build
from harness.manifest import LayoutRecord, Manifest
from harness.run.prepared import Prepared
from tests.unit.sample_cells import WASI


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
