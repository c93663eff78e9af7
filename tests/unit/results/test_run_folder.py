"""The folders of runs: a new one for each, `latest`, and what of an earlier run is taken away."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.build.artifact import Build
from harness.errors import UnavailableError
from harness.expectations.entries import CellExpectations
from harness.results.run_folder import new_run_folder, point_latest_at
from harness.run.cell_run import CellRun
from harness.run.prepared import Prepared
from harness.run.selection import TestSelection
from harness.util.paths import shown
from tests.unit.sample_cells import WASI


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "matrices").mkdir()
    (tmp_path / "matrices" / "default.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_two_runs_that_start_together_get_two_folders(project: Path) -> None:
    folders = [new_run_folder() for _ in range(3)]
    assert len(set(folders)) == 3
    assert {folder.parent for folder in folders} == {project / "reports"}
    assert shown(folders[0]) == f"reports/{folders[0].name}"


def test_latest_is_the_run_that_ended_last_of_those_in_reports(project: Path, tmp_path: Path) -> None:
    first, second = new_run_folder(), new_run_folder()
    for folder in (first, second, tmp_path / "elsewhere"):
        point_latest_at(folder)
    assert (project / "reports" / "latest").resolve() == second


def test_a_folder_that_cannot_be_made_is_told(project: Path) -> None:
    (project / "reports").touch()
    with pytest.raises(UnavailableError, match="cannot make") as caught:
        new_run_folder()
    assert "--run-dir" in caught.value.hint


@pytest.mark.parametrize("resume", [True, False])
def test_results_of_an_earlier_run_are_not_taken_for_those_of_this_one(tmp_path: Path, resume: bool) -> None:
    prepared = Prepared(
        cell=WASI, build=Build(folder=tmp_path, manifest={}), runtime=tmp_path / "runtime", cache=tmp_path
    )
    expectations = CellExpectations({})
    run = CellRun(
        prepared=prepared,
        folder=tmp_path / "wasi",
        expectations=expectations,
        chosen=TestSelection(modules=()),
        resume=resume,
    )
    (run.folder / "modules").mkdir(parents=True)
    left = [run.folder / name for name in ("results.json", "junit.xml", "error.json", "stop")]
    for file in (*left, run.folder / "modules" / "test_os.json"):
        file.touch()
    run.clear()
    assert not any(file.exists() for file in left)
    assert (run.folder / "modules" / "test_os.json").exists() is resume
