"""The page on what another version changes."""

from __future__ import annotations

import dataclasses

import msgspec

from harness.bisect.bump_page import ListChange, bump_page
from harness.results.cell_results import CellResults
from harness.results.diff import diff_cells
from harness.results.outcomes import Outcome
from tests.unit.sample_results import case, module, results

PINNED = results(module("test_a", case("test_a.T.test_x"), case("test_a.T.test_y")))


def page_of(pinned: CellResults, new: CellResults, lists: ListChange) -> str:
    return bump_page(diff_cells(pinned, new, names=("pinned", "new")), pinned, new, lists)


def newer(outcome: Outcome, runtime: str = "50.0.1") -> CellResults:
    """The same with one case that does something else, under that wasmtime."""
    changed = case("test_a.T.test_x", outcome, exception="trap: unreachable")
    found = results(module("test_a", changed, PINNED.modules[0].cases[1]))
    cell = dataclasses.replace(found.cell, runtime=runtime)
    return msgspec.structs.replace(found, cell=cell, engine={"name": "wasmtime", "version": runtime})


def test_a_case_that_crashes_with_the_new_version_has_its_commands() -> None:
    page = page_of(PINNED, newer(Outcome.CRASH, runtime="51.0.0"), ListChange())
    assert page.startswith("# wasi: engine wasmtime 50.0.1 to wasmtime 51.0.0\n")
    assert "| pinned | 2 | 2 | 0 | 0 | 0 |" in page
    assert "| new | 2 | 1 | 0 | 1 | 1 |" in page
    assert "2 cases compared: 1 new crash." in page
    assert "- `test.test_a.T.test_x`: regression: crash trap: unreachable" in page
    assert "python -m harness test wasi --case test.test_a.T.test_x`" in page
    bisection = "bisect wasi --case test.test_a.T.test_x --axis wasmtime --good 50.0.1 --bad 51.0.0`"
    assert f"The first bad version: `python -m harness {bisection}" in page
    assert "## Lists" not in page


def test_what_cannot_be_bisected_has_no_command_for_it() -> None:
    """Nothing differs, so that no version is to blame."""
    page = page_of(PINNED, newer(Outcome.FAIL), ListChange())
    assert page.startswith("# wasi: nothing differs\n")
    assert "## New to the lists: 1 case" in page
    assert "bisect" not in page


def test_two_versions_that_do_the_same_make_a_short_page() -> None:
    page = page_of(PINNED, newer(Outcome.PASS, runtime="51.0.0"), ListChange())
    assert page.endswith("2 cases compared: all as before.\n")
    assert "## " not in page


def test_the_lists_change_is_a_patch_with_its_notes() -> None:
    page = page_of(PINNED, PINNED, ListChange(patch="--- a\n+++ b\n", notes=("held  a case",)))
    assert page.endswith("## Lists\n\n- held  a case\n\n```diff\n--- a\n+++ b\n```\n")


def test_of_many_cases_that_are_new_to_the_lists_the_first_are_named() -> None:
    names = [f"test_a.T.test_{number:02}" for number in range(25)]
    before = results(module("test_a", *map(case, names)))
    after = results(module("test_a", *(case(name, Outcome.FAIL) for name in names)))
    page = page_of(before, after, ListChange())
    assert page.count("regression: fail") == 20
    assert "- and 5 more cases" in page
