"""The question of a bisection: its axis, and the row of its candidates."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bisect.question import BisectAxis, Candidate, Question, between, check_axis, only
from harness.errors import ConfigError
from tests.unit.sample_cells import EMSCRIPTEN, WASI

OPTIONS = {"--cpython": "", "--versions": "", "--runtime": "", "--toolchain": ""}
QUESTION = Question(cell="wasi", case="test.test_os.A.b", axis=BisectAxis.WASMTIME, good="1.0", bad="2.0")


def test_versions_are_in_the_order_of_their_numbers_whichever_end_is_good() -> None:
    names = {"4.0.9", "4.0.12", "3.1.69", "4.0.10", "5.0.0"}
    assert between(names, "3.1.69", "4.0.12") == ["3.1.69", "4.0.9", "4.0.10", "4.0.12"]
    assert between(names, "4.0.12", "3.1.69") == ["3.1.69", "4.0.9", "4.0.10", "4.0.12"]


@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 20)), min_size=2), st.data())
def test_the_ends_are_the_ends_of_the_row(numbers: set[tuple[int, int]], data: st.DataObject) -> None:
    names = {f"{major}.{minor}" for major, minor in numbers}
    one, other = data.draw(st.lists(st.sampled_from(sorted(names)), min_size=2, max_size=2, unique=True))
    row = between(names, one, other)
    assert {row[0], row[-1]} == {one, other}
    assert set(row) <= names


def test_an_unknown_end_is_reported_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"'50\.0\.2' is not among the versions.*did you mean '50\.0\.1'"):
        between({"49.0.0", "50.0.1"}, "49.0.0", "50.0.2")
    with pytest.raises(ConfigError, match=r"'x' is not .* 49\.0\.0, 50\.0\.1"):
        between({"49.0.0", "50.0.1"}, "x", "50.0.1")
    with pytest.raises(ConfigError, match=r"'49' is not among the versions that are known; did you mean '49\.0\.2'\?"):
        between({"49.0.0", "49.0.2", "50.0.1"}, "49", "50.0.1")


def test_only_the_named_versions_are_between_the_ends() -> None:
    assert only(("2.5", "2.10"), "3.0", "1.0") == ["1.0", "2.5", "2.10", "3.0"]
    with pytest.raises(ConfigError, match=r"4\.0 of --versions: not between"):
        only(("4.0",), "1.0", "3.0")
    with pytest.raises(ConfigError, match="a version is expected"):
        only(("main",), "1.0", "3.0")


@pytest.mark.parametrize(
    ("axis", "cell", "options", "words"),
    [
        (BisectAxis.NODE, WASI, {}, "wasi has no axis node"),
        (BisectAxis.EMSCRIPTEN, WASI, {}, "wasi has no axis emscripten"),
        (BisectAxis.WASMTIME, EMSCRIPTEN, {}, "no axis wasmtime"),
        (BisectAxis.CPYTHON, WASI, {}, "needs a checkout"),
        (BisectAxis.CPYTHON, WASI, {"--cpython": "x", "--versions": "1"}, "names no commits"),
        (BisectAxis.WASMTIME, WASI, {"--runtime": "49.0.0"}, "say the same"),
        (BisectAxis.EMSCRIPTEN, EMSCRIPTEN, {"--toolchain": "4.0.9"}, "say the same"),
    ],
)
def test_an_axis_that_makes_no_sense_is_refused(
    axis: BisectAxis, cell: object, options: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        check_axis(axis, cell, OPTIONS | options)  # type: ignore[arg-type]


def test_an_axis_of_the_cell_is_accepted() -> None:
    check_axis(BisectAxis.WASMTIME, WASI, OPTIONS | {"--cpython": "checkout"})
    check_axis(BisectAxis.CPYTHON, EMSCRIPTEN, OPTIONS | {"--cpython": "checkout", "--runtime": "22.20.0"})
    check_axis(BisectAxis.EMSCRIPTEN, EMSCRIPTEN, OPTIONS)


def test_another_question_has_another_key() -> None:
    others = [{"case": "x"}, {"good": "1.1"}, {"tries": 3}, {"changed": True}, {"options": ("--isolated",)}]
    keys = {dataclasses.replace(QUESTION, **other).key for other in others}  # type: ignore[arg-type]
    assert len(keys | {QUESTION.key}) == len(others) + 1
    assert dataclasses.replace(QUESTION).key == QUESTION.key
    assert json.loads(json.dumps(QUESTION.to_json()))["axis"] == "wasmtime"


def test_a_commit_is_named_for_later_where_it_will_still_be() -> None:
    question = dataclasses.replace(QUESTION, checkout="/home/me/cpython")
    assert question.again("ab" * 20, ["--cpython=/cache/tree"]) == [f"--cpython=git:/home/me/cpython@{'ab' * 20}"]
    assert QUESTION.again("1.5", ["--runtime=1.5"]) == ["--runtime=1.5"]


def test_a_candidate_is_shown_with_its_subject() -> None:
    assert str(Candidate(name="ab" * 20, subject="gh-1: Fix it")) == "abababababab (gh-1: Fix it)"
    assert str(Candidate(name="50.0.1")) == "50.0.1"
