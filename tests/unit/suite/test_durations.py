"""How long each module will take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.suite.durations import read_durations, record_durations, source_sizes


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


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a": "x"}'])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    assert read_durations(path) == {}


def test_results_are_a_record_of_what_was_complete(tmp_path: Path) -> None:
    record = tmp_path / "results.json"
    modules = {"a": {"seconds": 2.5, "complete": True}, "b": {"seconds": 1.0, "complete": False}}
    record.write_text(json.dumps({"schema": 1, "modules": modules}))
    assert read_durations(record) == {"a": 2.5}
