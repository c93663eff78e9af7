"""What a run asks of each module."""

from __future__ import annotations

from pathlib import Path

from harness.build import Build
from harness.prepare import Prepared
from harness.run import CellRun
from tests.unit.sample_lists import WASI, entry, load

HANGING = "test.test_os.LinkTests.test_link"


def cell_run(folder: Path, cases: tuple[str, ...] = ()) -> CellRun:
    build = Build(folder=folder, manifest={"python": "3.13.5", "layout": {"program": "python.wasm"}})
    return CellRun(
        prepared=Prepared(cell=WASI, build=build, runtime=folder, cache=folder),
        folder=folder,
        wanted=("test_os",),
        expectations=load(folder, entry(outcome='"timeout"')).for_cell(WASI),
        cases=cases,
    )


def test_a_case_that_the_lists_know_to_hang_is_given_little_time(tmp_path: Path) -> None:
    job = cell_run(tmp_path).job("test_os", lambda: False)
    assert job.expects_hang(HANGING)
    assert not job.expects_hang("test.test_os.LinkTests.test_other")


def test_a_case_that_was_named_is_given_all_its_time(tmp_path: Path) -> None:
    job = cell_run(tmp_path, (HANGING,)).job("test_os", lambda: False)
    assert not job.expects_hang(HANGING)
