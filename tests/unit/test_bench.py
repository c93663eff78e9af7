"""What the benchmarks choose to measure."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from harness.bench.builds import neighbour
from harness.bench.suite import executed, standing_still
from harness.build import Build
from harness.errors import ConfigError
from harness.expectations import CellExpectations
from harness.matrix import Matrix
from harness.outcomes import Outcome
from harness.prepare import Prepared
from tests.unit.sample_lists import EMSCRIPTEN, WASI
from tests.unit.sample_results import expecting

THREADS = dataclasses.replace(EMSCRIPTEN, id="threads", pthreads=True)


def test_the_second_cell_shares_the_toolchain_and_the_source_of_the_first() -> None:
    strangers = (
        WASI,
        dataclasses.replace(EMSCRIPTEN, id="newer", toolchain="6.0.5"),
        dataclasses.replace(EMSCRIPTEN, id="older", python="3.11.2"),
        dataclasses.replace(EMSCRIPTEN, id="broken", broken="it crashes"),
    )
    assert neighbour(Matrix((*strangers, EMSCRIPTEN, THREADS)), EMSCRIPTEN) is THREADS
    with pytest.raises(ConfigError, match="no second cell"):
        neighbour(Matrix((*strangers, EMSCRIPTEN)), EMSCRIPTEN)


def test_modules_that_are_expected_to_stand_still_are_known(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text(json.dumps(["test_os", "test_json", "test_pathlib"]))
    prepared = Prepared(cell=EMSCRIPTEN, build=Build(folder=tmp_path, manifest={}), runtime=Path(), cache=Path())
    entries = (
        expecting("test_os.T.test_a", Outcome.CRASH),
        expecting("test_json.T.test_a", Outcome.PASS, Outcome.TIMEOUT),
        expecting("test_pathlib.test_pathlib.T.test_a", Outcome.TIMEOUT),
    )
    expected = CellExpectations({test: entry for entry in entries for test in entry.tests})
    assert standing_still(expected, prepared) == ("test_pathlib",)


def test_what_was_skipped_was_not_executed() -> None:
    assert executed({Outcome.PASS: 5, Outcome.FAIL: 1, Outcome.SKIP: 3, Outcome.NOT_RUN: 2}) == (11, 6)
