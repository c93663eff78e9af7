"""Shards of several cells in folders, as a workflow's jobs leave them, merged into one run."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.cli import main as cli
from harness.results.cell_results import CellResults, load_results, write_results
from harness.results.outcomes import Outcome
from harness.results.run_folder import record_failure
from harness.results.verdicts import Verdict
from harness.run.merge import ranges
from harness.suite.durations import read_durations
from tests.unit.run.test_merge_shards import shards_of
from tests.unit.sample_results import case, module, results


@pytest.fixture
def shards(tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shards of two cells, and a project whose lists know none of their cases."""
    (tmp_path / "expected_failures").mkdir()
    (tmp_path / "expected_failures" / "limitations.toml").write_text("")
    (tmp_path / "matrices").mkdir()
    (tmp_path / "matrices" / "pins.toml").write_text("")
    cells = ""
    for cell in ("wasi", "wasi-debug", "wasi-24"):
        flag = "pydebug = true\n" if cell == "wasi-debug" else 'toolchain = "24"\n' if cell == "wasi-24" else ""
        cells += f'[[cell]]\nid = "{cell}"\ntarget = "wasi"\ndescription = "d"\ntags = ["nightly"]\n{flag}'
    defaults = '[defaults]\npython = "3.13.5"\nwasi_sdk = "25"\nwasmtime = "50.0.1"\nnode = "24.19.0"\n'
    (tmp_path / "matrices" / "default.toml").write_text(defaults + cells)
    monkeypatch.chdir(tmp_path)
    run = results(module("test_a", case("test_a.T.test_x")), module("test_b", case("test_b.T.test_y")))
    for cell in ("wasi", "wasi-debug"):
        named = msgspec.structs.replace(run, cell=dataclasses.replace(run.cell, id=cell))
        for shard in shards_of(named, 2):
            save(tmp_path / "shards", shard)
    return tmp_path / "shards"


def save(folder: Path, shard: CellResults) -> None:
    name = f"{shard.cell.id}-{shard.run.shard.replace('/', '-of-')}"
    (folder / name / shard.cell.id).mkdir(parents=True)
    write_results(folder / name / shard.cell.id / "results.json", shard)


def merge(shards: Path, *more: str) -> tuple[int, Path]:
    into = shards.parent / "reports" / "2026-01-01T00-00-00"
    return cli.main(["merge", *map(str, sorted(shards.iterdir())), f"--run-dir={into}", *more]), into


def test_each_cell_becomes_whole_and_its_durations_are_kept(shards: Path, empty_cache: Path) -> None:
    status, run = merge(shards)
    assert status == 0
    for cell in ("wasi", "wasi-debug"):
        assert [found.module for found in load_results(run / cell / "results.json").modules] == ["test_a", "test_b"]
        assert read_durations(empty_cache / "durations" / f"{cell}.json") == {"test_a": 2.5, "test_b": 2.5}


def spoilt(shards: Path, folder: str, **changes: Any) -> None:
    """Replaces the modules of a shard, as its job might have left them."""
    file = shards / folder / "wasi" / "results.json"
    write_results(file, msgspec.structs.replace(load_results(file), **changes))


def test_a_merged_run_with_a_regression_ends_with_its_status(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = module("test_a", case("test_a.T.test_x", Outcome.FAIL), case("test_a.T.test_z", Outcome.CRASH))
    # The verdicts in the shard's own file say nothing: they are those of the lists as they are now.
    spoilt(shards, "wasi-1-of-2", modules=(broken,))
    status, run = merge(shards)
    assert status == 1
    assert [row.verdict for row in load_results(run / "wasi" / "results.json").comparison.unexpected] == (
        [Verdict.REGRESSION] * 2
    )
    assert "2 UNEXPECTED (2 regressions)" in capsys.readouterr().out
    # The worst cell decides, in whichever order they are.
    assert not load_results(run / "wasi-debug" / "results.json").comparison.unexpected


def test_shards_that_fail_for_an_altered_environment_do_so_when_they_are_merged(shards: Path) -> None:
    altered = msgspec.structs.replace(module("test_a", case("test_a.T.test_x")), env_changed=True)
    spoilt(shards, "wasi-1-of-2", modules=(altered,))
    assert merge(shards)[0] == 0
    for folder in ("wasi-1-of-2", "wasi-2-of-2"):
        info = load_results(shards / folder / "wasi" / "results.json").run
        spoilt(shards, folder, run=msgspec.structs.replace(info, fail_env_changed=True))
    status, run = merge(shards)
    results = load_results(run / "wasi" / "results.json")
    assert (status, results.run.fail_env_changed) == (1, True)
    assert [row.case for row in results.comparison.unexpected] == ["test.test_a"]


def test_a_cell_that_lacks_a_shard_does_not_stop_the_others(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shards / "wasi-2-of-2" / "wasi" / "results.json").unlink()
    (shards / "wasi-2-of-2" / "wasi").rmdir()
    (shards / "wasi-2-of-2").rmdir()
    status, run = merge(shards)
    assert status == 2
    assert (run / "wasi-debug" / "results.json").is_file()
    assert "without the shard 2 of 2" in json.loads((run / "wasi" / "error.json").read_text())["error"]
    assert "error: wasi: without the shard 2 of 2 it is not whole" in capsys.readouterr().err


def test_why_a_cell_was_not_built_goes_on_into_the_merged_run(shards: Path) -> None:
    shutil.rmtree(shards / "wasi-2-of-2")
    record_failure(shards / "build-wasi" / "wasi", 4, "make failed")
    status, run = merge(shards)
    assert status == 4
    assert json.loads((run / "wasi" / "error.json").read_text()) == {"status": 4, "error": "make failed"}
    assert not (run / "wasi" / "results.json").exists()


def test_a_run_that_holds_failures_alone_is_merged(shards: Path) -> None:
    for shard in shards.iterdir():
        shutil.rmtree(shard)
    record_failure(shards / "build-wasi" / "wasi", 4, "make failed")
    status, run = merge(shards)
    assert (status, json.loads((run / "wasi" / "error.json").read_text())["error"]) == (4, "make failed")


def test_what_went_wrong_before_it_was_run_again_is_not_a_failure(shards: Path) -> None:
    record_failure(shards / "build-wasi" / "wasi", 4, "make failed")
    status, run = merge(shards)
    assert status == 0
    assert load_results(run / "wasi" / "results.json").run.complete
    assert not (run / "wasi" / "error.json").exists()


def test_a_run_that_is_merged_again_keeps_nothing_of_before(shards: Path) -> None:
    shard = shards / "wasi-2-of-2"
    shard.rename(shards.parent / "aside")
    assert merge(shards)[0] == 2
    (shards.parent / "aside").rename(shard)
    status, run = merge(shards)
    assert (status, {path.name for path in (run / "wasi").iterdir()}) == (0, {"results.json", "junit.xml"})
    shutil.rmtree(shard)
    assert merge(shards)[0] == 2
    assert [path.name for path in (run / "wasi").iterdir()] == ["error.json"]


@pytest.mark.parametrize("named", [".", "wasi/results.json"])
def test_a_run_is_not_merged_into_itself(shards: Path, capsys: pytest.CaptureFixture[str], named: str) -> None:
    shard = shards / "wasi-1-of-2"
    before = (shard / "wasi" / "results.json").read_bytes()
    assert cli.main(["merge", str(shard / named), f"--run-dir={shard}"]) == 2
    assert "wasi-1-of-2 is one of the runs to merge" in capsys.readouterr().err
    assert (shard / "wasi" / "results.json").read_bytes() == before


def test_a_cell_of_the_tag_without_any_result_is_reported(shards: Path) -> None:
    status, run = merge(shards, "-t", "nightly")
    assert status == 2
    assert sorted(path.name for path in run.glob("*/error.json")) == ["error.json"]
    assert "no shard of it is there" in (run / "wasi-24" / "error.json").read_text()


@pytest.mark.parametrize(("status", "left", "shared"), [(4, 0, True), (3, 0, True), (130, 0, False), (4, 1, False)])
def test_one_of_the_cells_that_share_a_build_says_for_all_why_it_is_missing(
    shards: Path, status: int, left: int, shared: bool
) -> None:
    """Unless that cell was built after all, and has shards."""
    shutil.copy(Path(__file__).parents[3] / "matrices" / "pins.toml", shards.parent / "matrices" / "pins.toml")
    runtime = 'target = "wasi"\nruntime = "49.0.0"\ndescription = "d"\ntags = ["nightly"]\n'
    with (shards.parent / "matrices" / "default.toml").open("a") as matrix:
        matrix.write(f'[[cell]]\nid = "wasi-wasmtime49"\n{runtime}')
    for folder in sorted(shards.glob("wasi-?-of-2"))[left:]:
        shutil.rmtree(folder)
    record_failure(shards / "build-wasi" / "wasi", status, "make failed")
    _, run = merge(shards, "-t", "nightly")
    alike = json.loads((run / "wasi-wasmtime49" / "error.json").read_text())
    assert alike["status"] == (status if shared else 2)
    assert ("nor of wasi, whose build it shares: make failed" in alike["error"]) is shared
    assert json.loads((run / "wasi-24" / "error.json").read_text())["status"] == 2


def test_folders_that_all_together_hold_nothing_are_a_mistake(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shards / "empty").mkdir()
    assert merge(shards)[0] == 0
    assert cli.main(["merge", str(shards / "empty"), f"--run-dir={shards.parent / 'none'}"]) == 2
    assert "empty holds no results of a cell" in capsys.readouterr().err
    assert cli.main(["merge", *map(str, shards.iterdir()), str(shards / "typo")]) == 2
    assert "typo does not exist" in capsys.readouterr().err


def killed(cell: Path) -> None:
    (cell / "results.json").unlink()
    (cell / "logs").mkdir()
    (cell / "logs" / "engine-0.log").write_text("")


def cut_short(cell: Path) -> None:
    text = (cell / "results.json").read_text()
    (cell / "results.json").write_text(text[: len(text) // 2])


def with_a_damaged_error(cell: Path) -> None:
    (cell / "results.json").unlink()
    (cell / "error.json").write_text('{"status": ')


@pytest.mark.parametrize(
    ("spoil", "expected", "says"),
    [
        (killed, 130, "killed before it could write its results"),
        (cut_short, 2, "results.json is not JSON"),
        (with_a_damaged_error, 2, "error.json is not what a cell without results leaves"),
    ],
)
def test_a_shard_that_cannot_be_read_costs_its_own_cell_alone(
    shards: Path, spoil: Callable[[Path], None], expected: int, says: str
) -> None:
    spoil(shards / "wasi-2-of-2" / "wasi")
    status, run = merge(shards)
    assert status == expected
    assert load_results(run / "wasi-debug" / "results.json").run.complete
    failure = json.loads((run / "wasi" / "error.json").read_text())
    assert failure["status"] == expected
    assert says in failure["error"]
    assert not (run / "wasi" / "results.json").exists()


def test_files_are_merged_as_their_folders_are(shards: Path) -> None:
    files = sorted(map(str, shards.glob("wasi-?-of-2/wasi/results.json")))
    into = shards.parent / "reports" / "of-files"
    assert len(files) == 2
    assert cli.main(["merge", *files, f"--run-dir={into}"]) == 0
    assert [found.module for found in load_results(into / "wasi" / "results.json").modules] == ["test_a", "test_b"]


@pytest.mark.parametrize(("left", "status"), [("modules", 130), ("journal", 130), ("logs", 130), ("elsewhere", 2)])
def test_a_cell_was_killed_when_its_run_left_only_what_it_begins_with(shards: Path, left: str, status: int) -> None:
    shutil.rmtree(shards / "wasi-2-of-2" / "wasi")
    (shards / "wasi-2-of-2" / "wasi" / left).mkdir(parents=True)
    assert merge(shards)[0] == status


def test_the_numbers_of_shards_are_shown_as_ranges() -> None:
    assert ranges([*range(1, 39), 40]) == "1-38, 40"
    assert ranges([2]) == "2"
