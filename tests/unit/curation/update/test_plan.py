"""The plan: which entries change in which cells, and what is new."""

from __future__ import annotations

import dataclasses

import pytest

from harness.curation.update.decide import Rules
from harness.curation.update.evidence import Evidence, read_run, setting_of
from harness.curation.update.plan import ListsPlan, make_plan
from harness.curation.update.requirements import Skipped
from harness.expectations.entries import Expectations
from harness.expectations.files import read_lists
from harness.matrix.cells import Cell, with_python
from harness.results.cell_results import CellResults
from tests.unit.sample_cells import emscripten
from tests.unit.sample_lists import REGISTRY, entry
from tests.unit.sample_runs import MIDDLE, NEW, OLD, THREADS, WASI, run_of, runs_of

A, B, C = (f"test_os.T.test_{letter}" for letter in "abc")
CELLS = (OLD, MIDDLE, NEW, WASI)
EMSCRIPTEN = '{ target = "emscripten" }'
CLASS = '["test.test_os.T.*"]'


def planned(text: str, *results: CellResults, cells: tuple[Cell, ...] = CELLS) -> ListsPlan:
    entries = read_lists({"fs.toml": text}, REGISTRY).entries
    runs = [read_run(found, source=f"run {index}", index=index) for index, found in enumerate(results)]
    evidence = Evidence.of(runs, Expectations(entries))
    return make_plan(entries, evidence, [setting_of(cell) for cell in cells], Rules())


def kept(plan: ListsPlan) -> list[tuple[str, str, str, str]]:
    """Each piece of an entry: its tests by the last part of their names, its outcomes, signatures and condition."""
    return [
        (
            " ".join(test.rpartition(".")[2] for test in tests),
            " ".join(piece.outcome),
            ", ".join(piece.signature),
            str(piece.when),
        )
        for pieces in plan.kept.values()
        for piece, tests in pieces
    ]


def added(plan: ListsPlan) -> list[tuple[str, str, str]]:
    return [
        (" ".join(test.rpartition(".")[2] for test in tests), " ".join(piece.outcome), str(piece.when))
        for piece, tests in plan.added.items()
    ]


def listed(*tests: str, when: str = EMSCRIPTEN, outcome: str = '"error"', signature: str = "") -> str:
    names = ", ".join(f'"test.{test}"' for test in tests)
    return entry(tests=f"[{names}]", when=when, outcome=outcome, signature=signature)


def days(cell: Cell, **letters: str) -> list[CellResults]:
    """One run a day of that cell, in which its cases `a`, `b` and `c` did as the letters say."""
    return [
        run_of(cell, {f"test_os.T.test_{name}": letter for name, letter in zip(letters, day, strict=True)}, day=number)
        for number, day in enumerate(zip(*letters.values(), strict=True), 1)
    ]


# Entries that stay.


def test_an_entry_that_no_cell_reaches_stays() -> None:
    """A checkout of CPython may be that pre-release."""
    when = '{ target = "emscripten", python = ">=3.14.0a1,<3.14.0a5" }'
    plan = planned(listed(A, when=when), *days(OLD, a="P"))
    assert kept(plan) == [("test_a", "error", "", "target emscripten, python >=3.14.0a1,<3.14.0a5")]


def test_a_condition_that_is_right_stays_as_somebody_wrote_it() -> None:
    when = '{ target = "emscripten", emscripten = ">=3.0, >=3.1" }'
    plan = planned(listed(A, when=when), *days(OLD, a="E"))
    assert kept(plan) == [("test_a", "error", "", "target emscripten, emscripten >=3.0, >=3.1")]


def test_an_entry_stays_where_no_condition_could_say_where_it_is_needed() -> None:
    """Other pre-releases that fail follow one that passes."""
    cells = tuple(with_python(WASI, version) for version in ("3.15.0b2", "3.15.0b3", "3.15.0"))
    plan = planned(listed(A, when='{ target = "wasi" }'), *days(cells[1], a="PPP"), *days(cells[0], a="E"), cells=cells)
    assert kept(plan) == [("test_a", "error", "", "target wasi")]
    assert plan.held == (Skipped(f"test.{A}", "", "no condition can say where: fs.toml:1 stays as it is"),)


def test_what_fails_around_a_pre_release_that_passes_is_held() -> None:
    versions = ("3.15.0b2", "3.15.0b3", "3.15.0")
    cells = [dataclasses.replace(with_python(WASI, version), id=f"wasi-{version}") for version in versions]
    results = [run for cell, letter in zip(cells, "EPE", strict=True) for run in days(cell, a=letter)]
    plan = planned("", *results, *days(OLD, a="E"), cells=(*cells, OLD))
    assert (added(plan), plan.held) == ([], (Skipped(f"test.{A}", "", "fails where no condition can say so"),))


# Entries that are divided.


def test_an_outcome_that_joins_the_listed_one_makes_no_piece_of_its_own() -> None:
    plan = planned(listed(A), *days(OLD, a="EFE"), *days(NEW, a="E"))
    assert kept(plan) == [("test_a", "error fail", "", "target emscripten")]


def test_a_class_is_named_case_by_case_where_its_cases_differ() -> None:
    """Each case stays where it may still fail, and not where the class has no such case."""
    plan = planned(entry(tests=CLASS, when=EMSCRIPTEN), *days(OLD, a="EEE", b="PPP", c="EEE"), *days(NEW, a="E", b="E"))
    assert kept(plan) == [
        ("test_a", "error", "", "target emscripten"),
        ("test_b", "error", "", "target emscripten, emscripten >=4.0.7"),
        ("test_c", "error", "", "target emscripten, emscripten <4.0.12"),
    ]
    assert (added(plan), plan.held) == ([], ())


def test_a_case_that_a_cell_does_not_have_makes_no_difference_within_its_class() -> None:
    class_entry = entry(tests=CLASS, when=EMSCRIPTEN)
    plan = planned(class_entry, *days(OLD, b="PPP"), *days(NEW, a="E", b="E"))
    assert [(tests, when) for tests, *_, when in kept(plan)] == [
        ("*", "target emscripten, emscripten >=4.0.7"),
    ]
    plan = planned(class_entry, *days(OLD, b="F"), *days(NEW, a="E", b="E"))
    assert ("*", "fail", "AssertionError", "target emscripten, emscripten <4.0.7") in kept(plan)


def test_a_case_that_was_not_always_run_makes_no_difference_within_its_class() -> None:
    plan = planned(entry(tests=CLASS, when=EMSCRIPTEN), *days(OLD, a="EEE", b="NEN"))
    assert kept(plan) == [("*", "error", "", "target emscripten")]


def test_a_class_stays_when_each_of_its_cases_has_its_own_entry() -> None:
    plan = planned(listed(A) + entry(tests=CLASS, when=EMSCRIPTEN), *days(OLD, a="EEE"))
    assert [tests for tests, *_ in kept(plan)] == ["test_a", "*"]


def test_a_class_that_is_gone_is_compared_with_nothing() -> None:
    gone = [run_of(OLD, {"test_os.Other.test_fine": "P"}, day=day) for day in (2, 3, 4)]
    plan = planned(entry(tests=CLASS, when=EMSCRIPTEN), *days(OLD, a="E"), *gone)
    assert (kept(plan), plan.held) == ([], ())


def test_a_part_of_a_class_that_fails_somewhere_keeps_the_entry_there_alone_of_what_was_seen() -> None:
    part = run_of(NEW, {A: "E"}, module_complete=False)
    plan = planned(entry(tests=CLASS, when=EMSCRIPTEN), *days(OLD, a="PPP", b="PPP"), part)
    assert [when for *_, when in kept(plan)] == [
        "target emscripten, emscripten >=4.0.7",
    ]
    assert plan.assumed == {}


# Entries that are widened.

SIGNED = '["OSError ENOTSUP", "AssertionError"]'
BEFORE_4 = '{ target = "emscripten", emscripten = "<4" }'


def test_an_entry_is_widened_only_to_failures_with_its_outcome_and_its_signature() -> None:
    text = listed(A, B, C, when=BEFORE_4, signature=SIGNED)
    plan = planned(text, *days(OLD, a="E", b="E", c="E"), *days(MIDDLE, a="E", b="F", c="V"))
    signatures = "OSError ENOTSUP, AssertionError"
    assert kept(plan) == [
        ("test_a", "error", signatures, "target emscripten, emscripten <4.0.12"),
        ("test_b test_c", "error", signatures, "target emscripten, emscripten <4"),
    ]
    assert [tests for tests, *_ in added(plan)] == ["test_b", "test_c"]


def test_an_entry_is_not_widened_to_another_target() -> None:
    plan = planned(listed(A, when=BEFORE_4, signature=SIGNED), *days(WASI, a="E"))
    assert [when for *_, when in kept(plan)] == ["target emscripten, emscripten <4"]
    assert added(plan) == [("test_a", "error", "target wasi")]


def test_only_the_first_of_two_entries_is_widened() -> None:
    later = '{ target = "emscripten", emscripten = ">=4.0.12" }'
    text = listed(A, when=BEFORE_4, signature=SIGNED) + listed(A, when=later, signature=SIGNED)
    plan = planned(text, *days(MIDDLE, a="E"))
    assert [when for *_, when in kept(plan)] == [
        "target emscripten, emscripten <4.0.12",
        "target emscripten, emscripten >=4.0.12",
    ]
    assert added(plan) == []


def test_a_class_is_not_widened_where_one_of_its_cases_differs_or_has_an_entry() -> None:
    own = listed(A, when='{ target = "emscripten", emscripten = ">=4" }', outcome='"fail"')
    a_class = entry(tests=CLASS, when=BEFORE_4, signature=SIGNED)
    for text, letters in ((own, {"a": "E", "b": "E"}), ("", {"a": "E", "b": "P"}), ("", {"a": "E", "b": "V"})):
        plan = planned(text + a_class, *days(MIDDLE, **letters))
        assert kept(plan)[-1] == (
            "*",
            "error",
            "OSError ENOTSUP, AssertionError",
            "target emscripten, emscripten <4",
        )


def test_a_class_is_widened_to_a_cell_that_has_only_some_of_its_cases() -> None:
    plan = planned(entry(tests=CLASS, when=BEFORE_4, signature=SIGNED), *days(OLD, a="E", b="E"), *days(MIDDLE, a="E"))
    assert [when for *_, when in kept(plan)] == ["target emscripten, emscripten <4.0.12"]


# What is new.


def test_a_new_entry_does_not_hold_where_one_of_the_same_case_does() -> None:
    """The first one, for threads, holds for a cell without a run; the second leaves it out."""
    threads = emscripten("4.0.7", pthreads=True)
    plan = planned("", *days(threads, a="E"), *days(OLD, a="F"), *days(NEW, a="P"), cells=(*CELLS, THREADS, threads))
    assert added(plan) == [
        ("test_a", "error", "target emscripten, pthreads"),
        ("test_a", "fail", "target emscripten, emscripten <4.0.7, no pthreads"),
    ]


@pytest.mark.parametrize("tests", [A, "test_os.T.*"])
def test_a_new_range_ends_where_an_entry_of_the_same_case_begins(tests: str) -> None:
    """No cell is declared between 3.1.74 and 4.0.7, for which the entry there holds too."""
    there = '{ target = "emscripten", emscripten = ">=3.1.74", python = "<3.14.0a3" }'
    plan = planned(listed(tests, when=there, outcome='"fail"'), *days(OLD, a="F"), cells=(OLD, MIDDLE, WASI))
    assert added(plan) == [("test_a", "fail", "target emscripten, emscripten <3.1.74")]
    other = planned(listed(B, when=there, outcome='"fail"'), *days(OLD, a="F"), cells=(OLD, MIDDLE, WASI))
    assert added(other) == [("test_a", "fail", "target emscripten")]


def test_a_copy_of_an_entry_ends_where_the_entry_begins() -> None:
    """No cell has threads on 4.0.9, where the entry holds too."""
    text = listed(A, when='{ target = "emscripten", emscripten = ">=4.0.9" }', signature='"OSError ENOTSUP"')
    plan = planned(text, *days(OLD, a="P"), *days(THREADS, a="E"), *days(NEW, a="E"), cells=(*CELLS, THREADS))
    assert [when for *_, when in kept(plan)] == [
        "target emscripten, emscripten >=4.0.9",
        "target emscripten, pthreads, emscripten <4.0.9",
    ]


def test_a_run_without_the_module_says_nothing_against_a_new_entry() -> None:
    part = run_of(NEW, {"test_json.T.test_a": "P"}, complete=False)
    plan = planned("", *days(OLD, a="E"), part)
    assert (added(plan), plan.held) == ([("test_a", "error", "target emscripten")], ())


def test_an_id_that_no_list_can_name_is_held() -> None:
    odd = "test_os.T.test_a (x=1)"
    why = "has an id that no list can name"
    assert planned("", *runs_of(OLD, odd, "E")).held == (Skipped(f"test.{odd}", OLD.id, why),)
    assert planned("", *runs_of(OLD, odd, "E")).added == {}
    in_class = planned(entry(tests=CLASS, when=EMSCRIPTEN), *runs_of(OLD, odd, "F"))
    assert (kept(in_class), in_class.held) == (
        [("*", "error", "", "target emscripten")],
        (Skipped(f"test.{odd}", OLD.id, why),),
    )
    passing = planned(entry(tests=CLASS, when=EMSCRIPTEN), *runs_of(OLD, odd, "P"))
    assert [one.why for one in passing.held] == ["does pass now; 3 whole runs must have seen it, and 1 has"]
