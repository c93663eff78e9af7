"""Which issues and limitations can be closed."""

from __future__ import annotations

import pytest

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
