"""The order in which modules are handed out."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.suite.order import longest_first, read_durations, record_durations, source_sizes


def test_the_longest_recorded_module_comes_first() -> None:
    assert longest_first(["a", "b", "c"], {"a": 1.0, "b": 3.0, "c": 2.0}, {}) == ["b", "c", "a"]


def test_a_module_without_a_record_is_guessed_from_its_size_at_the_rate_of_the_others() -> None:
    seconds, sizes = {"a": 10.0, "c": 1.0}, {"a": 1000, "b": 500, "c": 100}
    assert longest_first(["a", "b", "c"], seconds, sizes) == ["a", "b", "c"]


def test_without_any_record_the_size_decides_and_then_the_name() -> None:
    assert longest_first(["b", "a", "c"], {}, {"c": 9}) == ["c", "a", "b"]


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
