"""How long each module will take."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from harness.results.cell_results import write_results
from harness.results.outcomes import Outcome
from harness.suite.durations import (
    guessed_seconds,
    read_case_durations,
    read_durations,
    record_durations,
    record_run,
    seconds_of,
    source_sizes,
)
from tests.unit.sample_results import case, module, results


def test_sizes_are_those_of_a_file_or_of_a_package_s_tests(tmp_path: Path) -> None:
    tests = tmp_path / "test"
    (tests / "test_p").mkdir(parents=True)
    (tests / "test_a.py").write_text("12345")
    (tests / "test_p" / "test_b.py").write_text("123")
    (tests / "test_p" / "test_c.py").write_text("12")
    sizes = source_sizes(tmp_path, ["test_a", "test_p", "test.test_p.test_b", "test_gone"])
    assert sizes == {"test_a": 5, "test_p": 5, "test.test_p.test_b": 3}


def test_durations_are_merged_into_the_record(tmp_path: Path) -> None:
    record = tmp_path / "new" / "wasi.json"
    record_durations(record, {"a": 1.0, "b": 2.0})
    record_durations(record, {"b": 3.0})
    assert read_durations(record) == {"a": 1.0, "b": 3.0}


def test_a_record_has_a_line_for_each_module_by_its_name(tmp_path: Path) -> None:
    record = tmp_path / "wasi.json"
    record_durations(record, {"b": 2.0, "a": 1.25})
    assert record.read_text() == '{\n"a": 1.25,\n"b": 2.0\n}'


def test_a_module_without_a_record_takes_as_long_as_its_size_at_the_rate_of_the_recorded_ones() -> None:
    guess = guessed_seconds(["a", "b", "c"], {"a": 6.0, "gone": 4.0}, {"a": 5, "b": 3})
    assert guess == {"a": 6.0, "b": 6.0, "c": 0.0}


def test_a_run_is_a_record_of_its_whole_modules_to_a_hundredth_of_a_second() -> None:
    whole = msgspec.structs.replace(module("a", case("a.T.test_x", Outcome.FAIL)), seconds=2.3456)
    assert seconds_of([whole, msgspec.structs.replace(whole, module="b", complete=False)]) == {"a": 2.35}


def test_the_cases_of_long_modules_are_recorded_until_a_later_run_knows_better(tmp_path: Path) -> None:
    path = tmp_path / "wasi.json"
    long, short = module("test_a", case("test_a.T.test_x")), module("test_b", case("test_b.T.test_x"))
    record_run(path, [long, msgspec.structs.replace(short, seconds=0.5)])
    assert read_durations(path) == {"test_a": 2.5, "test_b": 0.5}
    assert read_case_durations(path) == {"test_a": {"test.test_a.T.test_x": 0.25}}
    record_run(path, [msgspec.structs.replace(long, complete=False)])
    assert read_case_durations(path) == {"test_a": {"test.test_a.T.test_x": 0.25}}
    record_run(path, [msgspec.structs.replace(long, seconds=0.5)])
    assert read_case_durations(path) == {}


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a": "x"}', '{"a": {"b": null}}'])
def test_a_damaged_record_of_cases_is_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "record.cases.json").write_text(text)
    assert read_case_durations(tmp_path / "record.json") == {}


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a": "x"}'])
def test_a_damaged_record_is_empty(tmp_path: Path, text: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    assert read_durations(path) == {}


def test_results_are_a_record_of_what_was_complete(tmp_path: Path) -> None:
    record = tmp_path / "results.json"
    modules = {"a": {"seconds": 2.5, "complete": True}, "b": {"seconds": 1.0, "complete": False}}
    record.write_text(json.dumps({"schema": 1, "modules": modules}))
    assert read_durations(record) == {"a": 2.5}


def test_results_are_a_record_of_the_cases_of_its_long_modules_too(tmp_path: Path) -> None:
    long = module("test_a", case("test_a.T.test_x"), case("test_a.T.test_y"))
    short = msgspec.structs.replace(module("test_b", case("test_b.T.test_x")), seconds=0.5)
    part = msgspec.structs.replace(long, module="test_c", complete=False)
    write_results(path := tmp_path / "results.json", results(long, short, part))
    assert read_case_durations(path) == {"test_a": {"test.test_a.T.test_x": 0.25, "test.test_a.T.test_y": 0.25}}
