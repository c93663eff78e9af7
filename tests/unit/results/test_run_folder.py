"""The folders of runs: a new one for each, `latest`, and what of an earlier run is taken away."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.build.artifact import Build
from harness.errors import EXIT_CONFIG, EXIT_UNAVAILABLE, ConfigError, UnavailableError
from harness.expectations.entries import CellExpectations
from harness.manifest import Manifest
from harness.results.run_folder import (
    claim,
    is_running,
    new_run_folder,
    point_latest_at,
    record_failure,
    remove_refused,
    remove_views,
    unfinished_run,
)
from harness.run.cell_run import CellRun
from harness.run.prepared import Prepared
from harness.run.resume import check_not_lost
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


def test_a_folder_that_cannot_be_made_is_reported(project: Path) -> None:
    (project / "reports").touch()
    with pytest.raises(UnavailableError, match="cannot make") as caught:
        new_run_folder()
    assert "--run-dir" in caught.value.hint


@pytest.mark.parametrize("resume", [True, False])
def test_results_of_an_earlier_run_are_not_taken_for_those_of_this_one(tmp_path: Path, resume: bool) -> None:
    prepared = Prepared(
        cell=WASI, build=Build(folder=tmp_path, manifest=Manifest()), runtime=tmp_path / "runtime", cache=tmp_path
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


def begun(cell: Path, *, finished: int = 3, run: dict[str, object] | None = None) -> Path:
    """What a run leaves in the folder of a cell: `run` is that of its results, None when it was killed."""
    (cell / "modules").mkdir(parents=True)
    (cell / "asked.json").write_text("{}")
    for number in range(finished):
        (cell / "modules" / f"test_{number}.json").write_text("{}")
    if run is not None:
        (cell / "results.json").write_text(json.dumps({"run": run}))
    return cell


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (None, "has a run that did not come to its end: 3 modules are finished there\n  -> --resume goes on with it"),
        ({"interrupted": True}, "did not come to its end"),
        ({"lacking": 2}, "did not come to its end"),
        (
            {"interrupted": False},
            "has results of a run that came to its end\n  -> another folder, or no --run-dir",
        ),
        ({"lacking": 0}, "came to its end"),
    ],
)
def test_no_results_of_a_cell_are_replaced_unasked(tmp_path: Path, run: dict[str, object] | None, said: str) -> None:
    cell = begun(tmp_path / "run" / "wasi", run=run)
    with pytest.raises(ConfigError, match=r"--overwrite removes it") as caught:
        check_not_lost(cell)
    assert said in str(caught.value)


def test_where_nothing_is_finished_there_is_nothing_to_lose(tmp_path: Path) -> None:
    check_not_lost(tmp_path / "wasi")
    check_not_lost(begun(tmp_path / "wasi", finished=0))
    # This cell replaces no other cell of the same run.
    check_not_lost(tmp_path / "wasi-debug")


def test_the_views_of_a_run_go_when_a_cell_begins_in_it(tmp_path: Path) -> None:
    views = [tmp_path / name for name in ("index.html", "summary.md", "badge.json", "annotations.txt", "junit.xml")]
    for view in views:
        view.touch()
    remove_views(tmp_path)
    assert all(view.exists() for view in views), "in a folder without a run they are of somebody else"
    begun(tmp_path / "wasi", run={})
    remove_views(tmp_path)
    assert not any(view.exists() for view in views)


def test_what_is_resumed_is_the_last_run_that_did_not_come_to_its_end(tmp_path: Path) -> None:
    runs = {
        "first": begun(tmp_path / "first" / "wasi"),
        "second": begun(tmp_path / "second" / "wasi"),
        "of another cell": begun(tmp_path / "third" / "wasi-debug"),
        "finished": begun(tmp_path / "fourth" / "wasi", run={}),
    }
    (tmp_path / "latest").symlink_to("second")
    for time, cell in enumerate(runs.values()):
        os.utime(cell / "asked.json", (time, time))
    assert unfinished_run(tmp_path, ["wasi"]) == tmp_path / "second"
    assert unfinished_run(tmp_path, ["wasi", "wasi-debug"]) == tmp_path / "third"
    with pytest.raises(ConfigError, match="has left wasi-24 unfinished\n  -> leave --resume out"):
        unfinished_run(tmp_path, ["wasi-24"])


def test_a_run_that_has_finished_nothing_yet_is_resumed_and_no_older_one(tmp_path: Path) -> None:
    for time, name in enumerate(("older", "newer")):
        cell = begun(tmp_path / name / "wasi", finished=1 - time)
        os.utime(cell / "asked.json", (time, time))
    assert unfinished_run(tmp_path, ["wasi"]) == tmp_path / "newer"


def test_a_cell_that_was_to_follow_another_is_resumed_with_their_run(tmp_path: Path) -> None:
    begun(tmp_path / "run" / "wasi", run={})
    (tmp_path / "run" / "asked.json").write_text('{"wasi": {}, "wasi-debug": {}}')
    assert unfinished_run(tmp_path, ["wasi-debug"]) == tmp_path / "run"
    record_failure(tmp_path / "run" / "wasi-debug", EXIT_UNAVAILABLE, "no SDK")
    with pytest.raises(ConfigError, match="has left wasi-debug unfinished"):
        unfinished_run(tmp_path, ["wasi-debug"])


def test_a_run_in_progress_is_neither_resumed_nor_entered(tmp_path: Path) -> None:
    older, newer = begun(tmp_path / "older" / "wasi"), begun(tmp_path / "newer" / "wasi")
    os.utime(older / "asked.json", (1, 1))
    held = claim(newer)
    try:
        assert is_running(newer)
        assert unfinished_run(tmp_path, ["wasi"]) == tmp_path / "older"
        with pytest.raises(ConfigError, match="another run or `stack` is in progress in"):
            claim(newer)
    finally:
        os.close(held)
    assert not is_running(newer)
    assert unfinished_run(tmp_path, ["wasi"]) == tmp_path / "newer"


def test_a_run_folder_is_removed_when_every_cell_was_refused(tmp_path: Path) -> None:
    for cell in ("wasi", "wasi-debug"):
        record_failure(tmp_path / "run" / cell, EXIT_CONFIG, "a mistake")
    (tmp_path / "run" / "asked.json").write_text("{}")
    assert remove_refused(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    record_failure(tmp_path / "run" / "wasi", EXIT_CONFIG, "a mistake")
    record_failure(tmp_path / "run" / "wasi-99", EXIT_UNAVAILABLE, "no SDK")
    assert not remove_refused(tmp_path / "run")


@pytest.mark.parametrize("name", ["modules", "results.json"])
def test_a_cell_with_results_of_an_earlier_run_stays(tmp_path: Path, name: str) -> None:
    record_failure(tmp_path / "run" / "wasi", EXIT_CONFIG, "a mistake")
    (tmp_path / "run" / "wasi" / name).mkdir()
    assert not remove_refused(tmp_path / "run")
