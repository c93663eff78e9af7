"""Which issues and limitations can be closed."""

from __future__ import annotations

import pytest

from harness.expectations.entries import Expectation
from harness.matrix.conditions import read_condition
from harness.results.cell_results import CellResults
from harness.site.closable import Closable, causes_of, closable
from tests.unit.sample_results import module
from tests.unit.site.samples import did, expecting, night, site_of

ISSUE = "https://github.com/python/cpython/issues/1"


def cells(old: str, new: str) -> list[list[CellResults]]:
    """A cell with an old and one with a new toolchain; each letter is what one of the cases of the issue does."""
    return [
        [
            night(
                1,
                module("test_os", *(did(letter, f"test_os.T.test_{at}") for at, letter in enumerate(letters))),
                **about,
            )
        ]
        for letters, about in (
            (old, {"cell": "wasi-24", "toolchain": "24"}),
            (new, {"cell": "wasi-33", "toolchain": "33"}),
        )
    ]


def found(old: str, new: str, when: dict[str, str] | None = None) -> list[Closable]:
    entry = expecting("test.test_os.T.*", issue=ISSUE, limitation="")
    if when:
        object.__setattr__(entry, "when", read_condition(when)[0])
    site = site_of(*cells(old, new), entries=(entry,))
    return closable(site, causes_of(site))


def test_what_passes_everywhere_is_over() -> None:
    (only,) = found("PP", "PP")
    assert (only.cause.name, only.passing, only.left, only.stale) == (ISSUE, ("wasi-24", "wasi-33"), (), 4)
    assert only.cause.is_issue
    assert only.cause.is_over


def test_a_case_that_two_entries_of_one_cause_name_counts_once() -> None:
    """The two differ in the versions of their conditions alone."""
    entries = [expecting("test.test_os.T.*", issue=ISSUE, limitation="") for _ in range(2)]
    causes = causes_of(site_of(*cells("PF", "PP"), entries=tuple(entries)))
    counts = {name: (seen.passing, seen.others) for name, seen in causes[ISSUE].cells.items()}
    assert counts == {"wasi-24": (1, 1), "wasi-33": (2, 0)}


def test_what_passes_on_the_newest_alone_has_cells_left() -> None:
    (only,) = found("PF", "PP")
    assert (only.newest.name, only.passing, only.left) == ("wasi-33", ("wasi-33",), ("wasi-24",))
    assert not only.cause.is_over


@pytest.mark.parametrize(("old", "new"), [("PP", "PF"), ("PP", "PS"), ("FF", "FF")])
def test_what_does_not_pass_on_the_newest_stays(old: str, new: str) -> None:
    assert found(old, new) == []


def test_a_newer_toolchain_than_the_entry_names_counts_and_has_nothing_stale() -> None:
    (only,) = found("FF", "PP", {"wasi_sdk": "<30"})
    assert (only.passing, only.left, only.stale) == (("wasi-33",), ("wasi-24",), 0)


def test_an_entry_of_another_target_is_about_no_cell() -> None:
    assert found("PP", "PP", {"target": "emscripten"}) == []


def letters_of(toolchain: str, letter: str, *, name: str = "", day: int = 1, case: str = "test_a") -> list[CellResults]:
    """A run of one case on that day, in a cell with that toolchain."""
    return [
        night(
            day,
            module("test_os", did(letter, f"test_os.T.{case}")),
            cell=name or f"wasi-{toolchain}",
            toolchain=toolchain,
        )
    ]


def entries_for(*cases: str) -> tuple[Expectation, ...]:
    return tuple(
        expecting(f"test.test_os.T.{name}", issue=f"https://example.org/{name}", limitation="") for name in cases
    )


def order_of(*runs: list[CellResults], cases: tuple[str, ...]) -> list[str]:
    site = site_of(*runs, entries=entries_for(*cases))
    return [each.cause.name.rpartition("/")[2] for each in closable(site, causes_of(site))]


def test_the_newest_toolchain_is_first_by_its_number_and_not_by_its_commit() -> None:
    found = order_of(
        letters_of("9", "P", day=4, case="test_a"),
        letters_of("25.5g9fd1d10e1c5f", "P", day=1, case="test_b"),
        letters_of("25.5g0fd1d10e1c5f", "P", day=2, case="test_c"),
        letters_of("25.17", "P", day=1, case="test_d"),
        cases=("test_a", "test_b", "test_c", "test_d"),
    )
    assert found == ["test_d", "test_c", "test_b", "test_a"]


def test_the_last_run_of_one_toolchain_is_first() -> None:
    found = order_of(
        letters_of("25", "P", name="wasi", day=3, case="test_a"),
        letters_of("25", "P", name="wasi-debug", day=4, case="test_b"),
        cases=("test_a", "test_b"),
    )
    assert found == ["test_b", "test_a"]


def test_a_newer_toolchain_without_stale_entries_is_before_an_older_one_with_some() -> None:
    entries = [*entries_for("test_a"), *entries_for("test_b")]
    object.__setattr__(entries[1], "when", read_condition({"wasi_sdk": "<30"})[0])
    site = site_of(letters_of("25", "P"), letters_of("33", "P", case="test_b"), entries=tuple(entries))
    found = [(each.cause.name[-6:], each.stale) for each in closable(site, causes_of(site))]
    assert found == [("test_b", 0), ("test_a", 1)]


@pytest.mark.parametrize(("plain", "debug", "listed"), [("P", "P", 1), ("F", "P", 0), ("P", "F", 0)])
def test_all_cells_with_the_newest_toolchain_have_to_pass(plain: str, debug: str, listed: int) -> None:
    runs = letters_of("25", plain, name="wasi"), letters_of("25", debug, name="wasi-debug")
    assert len(order_of(*runs, cases=("test_a",))) == listed
