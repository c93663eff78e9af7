"""What a run was begun with, and what a resumed one takes of it."""

from __future__ import annotations

import argparse
import json
import os
from argparse import Namespace
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.results.run_folder import has_results
from harness.run.options import TESTING
from harness.run.resume import (
    begun_with,
    check_all_resumed,
    check_resumed,
    completed,
    said_by,
    seconds_before,
    write_asked,
    write_asked_of_cells,
)


def parsed(*words: str) -> Namespace:
    parser = argparse.ArgumentParser()
    for option in TESTING:
        option.add(parser.add_argument)
    return parser.parse_args(words)


def begun(cell: Path, *words: str, keyword: str = "") -> Path:
    cell.mkdir(parents=True)
    asked: dict[str, object] = {"folder of own tests": None, "build": {}, "engine": "45"}
    write_asked(cell, {**said_by(parsed(*words), keyword), **asked})
    return cell


def test_a_resumed_run_goes_on_with_what_it_was_begun_with(tmp_path: Path) -> None:
    cell = begun(tmp_path / "wasi", "--case=test.test_os", "--cpython=3.14.10", "--verify=3", "--isolated")
    found, keyword = completed(parsed("--resume"), "", begun_with(cell))
    assert (found.case, found.cpython, found.verify, found.isolated, keyword) == (
        ["test.test_os"],
        "3.14.10",
        3,
        True,
        "",
    )
    assert found.resume
    assert found.reruns == 2


def test_a_shard_and_an_expression_are_part_of_the_choice(tmp_path: Path) -> None:
    found, _ = completed(parsed(), "", begun_with(begun(tmp_path / "a", "--shard=2/3", "--cut-by=durations.json")))
    assert (found.shard, found.cut_by) == ("2/3", "durations.json")
    assert completed(parsed(), "", begun_with(begun(tmp_path / "b", keyword="test_json")))[1] == "test_json"


def test_what_the_command_line_chooses_is_what_is_asked_for(tmp_path: Path) -> None:
    cell = begun(tmp_path / "wasi", "--case=test.test_os", "--cpython=3.14.10", keyword="test_json")
    found, keyword = completed(parsed("--case=test.test_bool", "--runtime=46.0.1"), "", begun_with(cell))
    assert (found.case, found.cpython, found.runtime, keyword) == (["test.test_bool"], "", "46.0.1", "")


def test_own_tests_are_found_again_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_asked_of_cells(tmp_path / "run", ["wasi"], parsed("--tests=mine"), "")
    assert completed(parsed(), "", begun_with(tmp_path / "run" / "wasi"))[0].tests == str(tmp_path / "mine")


def test_the_asked_json_of_an_earlier_version_gives_its_choice(tmp_path: Path) -> None:
    (tmp_path / "asked.json").write_text(json.dumps({"choice of cases": ["test.test_os"], "shard": "", "engine": "45"}))
    found, keyword = completed(parsed("--runtime=45"), "", begun_with(tmp_path))
    assert (found.case, found.runtime, keyword) == (["test.test_os"], "45", "")


ASKED: dict[str, object] = {
    "folder of own tests": None,
    "build": {},
    "engine": "45",
    "choice of cases": [],
    "shard": "",
    "revision of --changed": "",
}


def test_another_choice_is_refused_with_the_command_that_goes_on(tmp_path: Path) -> None:
    cell = begun(tmp_path / "run" / "wasi", "--case=test.test_os", keyword="test_json")
    with pytest.raises(ConfigError, match="another choice of modules or cases and another expression of -k") as caught:
        check_resumed(cell, {**ASKED, "expression of -k": ""})
    assert f"harness test wasi --run-dir={tmp_path / 'run'} --resume` goes on with it as it was" in caught.value.hint
    assert "a new run takes a new folder" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "says"),
    [({"choice of resources": "none"}, "another choice of resources"), ({"order or seed": [True, 5]}, "order or seed")],
)
def test_other_resources_and_another_order_are_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    asked = {**ASKED, "expression of -k": "", "choice of resources": "all", "order or seed": [False, 0]}
    write_asked(tmp_path, asked)
    check_resumed(tmp_path, asked)
    with pytest.raises(ConfigError, match=says):
        check_resumed(tmp_path, {**asked, **change})


def test_a_run_of_an_earlier_version_is_resumed_by_its_own_command(tmp_path: Path) -> None:
    (tmp_path / "asked.json").write_text(json.dumps({**ASKED, "engine": "44"}))
    with pytest.raises(ConfigError, match="another engine\n  -> resume it with the command that began it; a new run"):
        check_resumed(tmp_path, {**ASKED, "expression of -k": "test_json"})


def test_no_cell_starts_when_one_of_several_cannot_be_resumed(tmp_path: Path) -> None:
    write_asked_of_cells(tmp_path, ["wasi", "wasi-debug"], parsed("--case=test.test_os"), "")
    begun(tmp_path / "wasi", "--case=test.test_os")
    check_all_resumed(tmp_path, ["wasi", "wasi-debug"], parsed(), "")
    check_all_resumed(tmp_path, ["wasi", "wasi-debug"], parsed("--case=test.test_os"), "")
    with pytest.raises(ConfigError, match="wasi cannot be resumed like this: it has another choice of modules"):
        check_all_resumed(tmp_path, ["wasi", "wasi-debug"], parsed("--case=test.test_bool"), "")


def test_a_cell_that_had_not_begun_yet_is_resumed_as_its_run_was_to_begin_it(tmp_path: Path) -> None:
    write_asked_of_cells(tmp_path, ["wasi"], parsed("--case=test.test_bool"), "")
    write_asked_of_cells(tmp_path, ["wasi-debug"], parsed("--case=test.test_os"), "")
    assert completed(parsed(), "", begun_with(tmp_path / "wasi-debug"))[0].case == ["test.test_os"]
    assert completed(parsed(), "", begun_with(tmp_path / "wasi"))[0].case == ["test.test_bool"]


def test_the_seconds_of_a_run_that_was_killed_end_with_its_last_module(tmp_path: Path) -> None:
    assert seconds_before(tmp_path) == 0.0
    write_asked(tmp_path, {}, seconds=100.0)
    assert seconds_before(tmp_path) == 100.0
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "test_os.json").write_text("{}")
    os.utime(tmp_path / "asked.json", (1000, 1000))
    os.utime(tmp_path / "modules" / "test_os.json", (1060, 1060))
    assert seconds_before(tmp_path) == 160.0
    part = tmp_path / "parts" / "test_re" / "2.json"
    part.parent.mkdir(parents=True)
    part.write_text("{}")
    os.utime(part, (1090, 1090))
    assert seconds_before(tmp_path) == 190.0
    (tmp_path / "modules" / "test_os.json").unlink()
    assert has_results(tmp_path)
    (tmp_path / "results.json").write_text(json.dumps({"run": {"seconds": 130.5}}))
    assert seconds_before(tmp_path) == 130.5


def test_a_resumed_random_order_has_the_seed_that_it_was_begun_with(tmp_path: Path) -> None:
    cell = begun(tmp_path / "wasi", "--randomize", "--randseed=11", "--use=cpu")
    found, _ = completed(parsed("--resume"), "", begun_with(cell))
    assert (found.randomize, found.randseed, found.use) == (True, "11", ["cpu"])
    assert completed(parsed("--resume", "--randomize"), "", begun_with(cell))[0].randseed == "11"
    assert completed(parsed("--resume", "--randomize", "--randseed=2"), "", begun_with(cell))[0].randseed == "2"
