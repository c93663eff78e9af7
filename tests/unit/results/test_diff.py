"""Two results compared with each other."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import msgspec
import pytest

from harness.manifest import Manifest
from harness.report.diff_text import differences_json, render_differences
from harness.results.cell_results import CellResults
from harness.results.diff import CellDiff, Change, DiffAxis, classify, diff_cells, wrong_only
from harness.results.outcomes import ModuleResult, Outcome
from tests.unit.sample_results import HOSTILE, case, module, results


def changes(before: CellResults, after: CellResults) -> dict[str, Change]:
    return {change.case.removeprefix("test."): change.change for change in diff_cells(before, after).changes}


def with_build(found: CellResults, **build: Any) -> CellResults:
    return msgspec.structs.replace(found, build=Manifest.from_json(build))


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (Outcome.PASS, Outcome.FAIL, Change.BROKEN),
        (Outcome.SKIP, Outcome.ERROR, Change.BROKEN),
        (Outcome.PASS, Outcome.TIMEOUT, Change.BROKEN),
        (Outcome.FAIL, Outcome.PASS, Change.FIXED),
        (Outcome.PASS, Outcome.CRASH, Change.NEW_CRASH),
        (Outcome.FAIL, Outcome.CRASH, Change.NEW_CRASH),
        (None, Outcome.CRASH, Change.NEW_CRASH),
        (Outcome.CRASH, Outcome.PASS, Change.CRASH_GONE),
        (Outcome.CRASH, Outcome.SKIP, Change.CRASH_GONE),
        (Outcome.CRASH, None, Change.CRASH_GONE),
        (Outcome.PASS, Outcome.SKIP, Change.NEWLY_SKIPPED),
        (Outcome.FAIL, Outcome.SKIP, Change.NEWLY_SKIPPED),
        (Outcome.PASS, Outcome.NO_TESTS, Change.NO_TESTS),
        (Outcome.SKIP, Outcome.NO_TESTS, Change.NO_TESTS),
        (Outcome.NO_TESTS, Outcome.SKIP, Change.NEWLY_SKIPPED),
        (Outcome.NO_TESTS, Outcome.PASS, Change.NO_LONGER_SKIPPED),
        (Outcome.NO_TESTS, Outcome.FAIL, Change.BROKEN),
        (Outcome.SKIP, Outcome.PASS, Change.NO_LONGER_SKIPPED),
        (None, Outcome.PASS, Change.APPEARED),
        (None, Outcome.FAIL, Change.APPEARED),
        (Outcome.PASS, None, Change.VANISHED),
        (Outcome.FAIL, Outcome.ERROR, Change.OTHERWISE),
        (Outcome.PASS, Outcome.EXPECTED_FAILURE, Change.OTHERWISE),
    ],
)
def test_what_becomes_of_a_case(before: Outcome | None, after: Outcome | None, change: Change) -> None:
    assert classify(before, after) is change


def test_only_what_differs_is_reported_and_the_worst_first() -> None:
    before = results(module("test_a", case("test_a.T.x"), case("test_a.T.y", Outcome.FAIL), case("test_a.T.same")))
    after = results(module("test_a", case("test_a.T.x", Outcome.CRASH), case("test_a.T.y"), case("test_a.T.same")))
    diff = diff_cells(before, after)
    assert [(change.case, change.change) for change in diff.changes] == [
        ("test.test_a.T.x", Change.NEW_CRASH),
        ("test.test_a.T.y", Change.FIXED),
    ]
    assert (diff.compared, diff.unknown) == (3, 0)


def test_what_is_wrong_on_one_side_only() -> None:
    sides = {
        "node": (Outcome.ERROR, Outcome.PASS),
        "node_skips": (Outcome.SKIP, Outcome.FAIL),
        "browser": (Outcome.PASS, Outcome.CRASH),
        "both": (Outcome.FAIL, Outcome.CRASH),
        "neither": (Outcome.PASS, Outcome.SKIP),
        "same": (Outcome.FAIL, Outcome.FAIL),
    }
    before, after = (
        results(module("test_a", *(case(f"test_a.T.{name}", pair[side]) for name, pair in sides.items())))
        for side in (0, 1)
    )
    pair = diff_cells(before, after)

    def names(found: CellDiff) -> set[str]:
        return {change.case.rpartition(".")[2] for change in found.changes}

    assert names(wrong_only(pair, after=True)) == {"browser", "node_skips"}
    assert names(wrong_only(pair, after=False)) == {"node"}
    assert wrong_only(pair, after=True).compared == pair.compared


def test_cases_appear_and_vanish_only_where_all_was_asked_for() -> None:
    whole = results(module("test_a", case("test_a.T.x"), case("test_a.T.y")), module("test_b", case("test_b.T.z")))
    less = results(module("test_a", case("test_a.T.x")))
    assert changes(whole, less) == {"test_a.T.y": Change.VANISHED, "test_b.T.z": Change.VANISHED}
    assert changes(less, whole) == {"test_a.T.y": Change.APPEARED, "test_b.T.z": Change.APPEARED}
    part = msgspec.structs.replace(less.modules[0], complete=False)
    asked = results(part, complete=False)
    diff = diff_cells(whole, asked)
    assert (diff.changes, diff.compared, diff.unknown) == ((), 1, 2)


def test_a_module_that_is_skipped_as_a_whole_skips_each_of_its_cases() -> None:
    ran = results(module("test_a", case("test_a.T.x"), case("test_a.T.y", Outcome.CRASH), case("test_a.T.z")))
    skipped = results(module("test_a", outcome=Outcome.SKIP, reason="No module named 'a'"))
    expected = {
        "test_a.T.x": Change.NEWLY_SKIPPED,
        "test_a.T.y": Change.CRASH_GONE,
        "test_a.T.z": Change.NEWLY_SKIPPED,
    }
    assert changes(ran, skipped) == expected
    assert set(changes(skipped, ran).values()) == {Change.NO_LONGER_SKIPPED, Change.NEW_CRASH}
    assert changes(skipped, skipped) == {}


def test_a_module_that_has_no_tests_any_more_has_lost_each_of_its_cases() -> None:
    ran = results(module("test_a", case("test_a.T.x"), case("test_a.T.y", Outcome.FAIL)))
    empty = results(module("test_a", outcome=Outcome.NO_TESTS, reason="the module has no tests"))
    assert changes(ran, empty) == {"test_a.T.x": Change.NO_TESTS, "test_a.T.y": Change.NO_TESTS}
    assert set(changes(empty, ran).values()) == {Change.NO_LONGER_SKIPPED, Change.BROKEN}


def test_a_module_that_dies_before_its_first_case_is_a_crash_of_its_own() -> None:
    ran = results(module("test_a", case("test_a.T.x")))
    dead = results(module("test_a", outcome=Outcome.CRASH))
    assert changes(ran, dead) == {"test_a": Change.NEW_CRASH, "test_a.T.x": Change.BROKEN}


def test_the_only_axis_that_differs_explains() -> None:
    before = results(module("test_a", case("test_a.T.x")))
    newer = msgspec.structs.replace(before, cell=dataclasses.replace(before.cell, toolchain="33"))
    diff = diff_cells(before, newer)
    assert diff.explanation is not None
    assert str(diff.explanation) == "toolchain WASI SDK 25.0 -> WASI SDK 33"
    other = msgspec.structs.replace(newer, cell=dataclasses.replace(newer.cell, pydebug=True))
    both = diff_cells(before, other)
    assert both.explanation is None
    assert [axis.axis for axis in both.axes] == [DiffAxis.TOOLCHAIN, DiffAxis.FLAGS]
    assert diff_cells(before, before).axes == ()


@pytest.mark.parametrize(
    ("build", "axis"),
    [
        ({"python": "3.13.6"}, DiffAxis.CPYTHON),
        ({"source": {"revision": "abcdef"}}, DiffAxis.CPYTHON),
        ({"toolchain": {"version": "25.0", "provider": "apt", "llvm": "20"}}, DiffAxis.TOOLCHAIN),
        ({"recipe": {"name": "wasi", "version": 2}}, DiffAxis.RECIPE),
        ({"inputs": {"dependencies": ["zlib-1.3.1"]}}, DiffAxis.LIBRARIES),
    ],
)
def test_what_the_build_has_recorded_counts(build: dict[str, Any], axis: DiffAxis) -> None:
    recorded = {
        "python": "3.13.5",
        "source": {"revision": "123456"},
        "toolchain": {"version": "25.0", "provider": "apt", "llvm": "19"},
        "recipe": {"name": "wasi", "version": 1},
        "inputs": {"source": "3.13.5"},
    }
    before = with_build(results(), **recorded)
    assert [each.axis for each in diff_cells(before, with_build(results(), **(recorded | build))).axes] == [axis]


def test_what_only_one_side_has_recorded_is_not_a_difference() -> None:
    full = with_build(results(), source={"revision": "1"}, recipe={"name": "wasi", "version": 1})
    assert diff_cells(full, with_build(results())).axes == ()
    other = with_build(results(), source={"revision": "1"}, recipe={"name": "platforms", "version": 7})
    assert diff_cells(full, other).axes == ()


def test_the_text_names_the_first_cases_and_counts_the_rest() -> None:
    def ran(outcome: Outcome) -> ModuleResult:
        return module("test_a", *(case(f"test_a.T.test_{number:02}", outcome) for number in range(25)))

    diff = diff_cells(results(ran(Outcome.PASS)), results(ran(Outcome.SKIP)))
    lines = render_differences([diff], ["wasi-24"], []).splitlines()
    assert lines[:2] == ["NEWLY SKIPPED  25 cases", "  test.test_a.T.test_00: pass -> skip"]
    assert lines[21] == "  ... and 5 more of test_a: pass -> skip (--all names them)"
    assert lines[-4:] == [
        "wasi: 25 newly skipped among 25 cases",
        "  no axis differs: CPython, toolchain, flags, libraries and engine are the same",
        "",
        "wasi-24: only in the first run",
    ]
    assert "test_24" in render_differences([diff], [], [], everything=True)


def test_the_text_shows_what_a_terminal_would_obey() -> None:
    before = results(module("test_a", case(f"test_a.{HOSTILE}")))
    after = results(module("test_a", case(f"test_a.{HOSTILE}", Outcome.FAIL)))
    text = render_differences([diff_cells(before, after)], [], [])
    assert "\x1b" not in text
    assert "\\u202e" in text


def test_the_json_has_everything_in_plain_words() -> None:
    before = results(module("test_a", case("test_a.T.x")))
    after = results(module("test_a", case("test_a.T.x", Outcome.FAIL), case("test_a.T.new")))
    data = json.loads(json.dumps(differences_json([diff_cells(before, after, names=("a", "b"))], [], ["wasi-24"])))
    (pair,) = data["pairs"]
    assert (data["schema"], data["only_after"], pair["before"], pair["explained_by"]) == (1, ["wasi-24"], "a", None)
    assert {name: count for name, count in pair["counts"].items() if count} == {"broken": 1, "appeared": 1}
    assert pair["changes"][0] == {
        "case": "test.test_a.T.x",
        "module": "test_a",
        "change": "broken",
        "before": "pass",
        "after": "fail",
    }


def test_the_difference_of_two_cells_is_worded_by_place_and_not_by_time() -> None:
    before = results(module("test_a", case("test_a.T.x"), case("test_a.T.y", Outcome.FAIL), case("test_a.T.z")))
    now = results(module("test_a", case("test_a.T.x", Outcome.FAIL), case("test_a.T.y")))
    other = msgspec.structs.replace(now, cell=dataclasses.replace(now.cell, id="wasi-33"))
    page = render_differences([diff_cells(before, other)], (), ())
    assert "Wrong only in wasi-33  1 case\n" in page
    assert "Wrong only in wasi  1 case\n" in page
    assert "Only in wasi  1 case\n" in page
    assert "1 wrong only in wasi-33, 1 only in wasi, 1 wrong only in wasi among 3 cases" in page
    for word in ("BROKEN", "FIXED", "VANISHED", "broken", "fixed"):
        assert word not in page
    assert "BROKEN  1 case\n" in render_differences([diff_cells(before, now)], (), ())
