"""What the site says of each case and cell: held against nights that are written as letters."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from harness.history.changes import ABSENT, StateChange
from harness.results.outcomes import Outcome
from harness.results.verdicts import Verdict
from harness.site.model import CaseOnCell, branch_of, merged_steps
from tests.unit.sample_results import case, module
from tests.unit.site.samples import LINK, did, expecting, night, nights, site_of


def link(letters: str, *, listed: bool = False) -> CaseOnCell:
    site = site_of(nights(letters), entries=(expecting(),) if listed else ())
    return next(found for number, found in site.cells[0].cases.items() if site.cases[number].name == LINK)


@pytest.mark.parametrize(
    ("letters", "listed", "tone", "changes", "since", "flaky"),
    [
        ("PPP", False, "pass", 0, 0, False),
        ("PPF", False, "regression", 1, 2, False),
        ("PCC", False, "crash", 1, 1, False),
        ("FFF", True, "known", 0, 0, False),
        ("FFP", True, "fixed", 1, 2, False),
        ("SSS", True, "changed", 0, 0, False),
        ("PFPFP", False, "pass", 4, 4, True),
        ("PP-", False, "absent", 1, 2, False),
        ("-PP", False, "pass", 0, 1, False),
    ],
)
def test_the_state_of_a_case(letters: str, *, listed: bool, tone: str, changes: int, since: int, flaky: bool) -> None:
    found = link(letters, listed=listed)
    assert (found.tone, found.changes, found.since, found.is_flaky) == (tone, changes, since, flaky)


def test_only_what_was_always_good_is_quiet() -> None:
    assert link("PPP").is_quiet
    assert link("SSS").is_quiet
    assert not any(link(letters).is_quiet for letters in ("PPF", "FFF", "PSP", "PP-"))
    assert not link("FF", listed=True).is_quiet


def test_a_case_of_a_module_that_was_skipped_is_skipped() -> None:
    skipped = module("test_os", outcome=Outcome.SKIP, reason="no")
    site = site_of([night(1, module("test_os", did("P"))), night(2, skipped)])
    (found,) = (found for number, found in site.cells[0].cases.items() if site.cases[number].name == LINK)
    assert found.tone == "skip"
    assert site.cells[0].numbers[1].skipped == 2, "the case, and the module as such"


def test_nothing_is_known_of_a_case_whose_module_died_before() -> None:
    died = module("test_os", outcome=Outcome.CRASH)
    site = site_of([night(1, module("test_os", did("P"))), night(2, died)])
    (found,) = (found for number, found in site.cells[0].cases.items() if site.cases[number].name == LINK)
    assert (found.tone, found.changes) == ("pass", 0)


def test_what_a_single_run_saw_holds_until_the_next_run_of_the_module() -> None:
    steps = [StateChange(0, 1)]
    found = merged_steps(steps, [StateChange(1, 2)], (0, 2), (), {})
    assert found == (StateChange(0, 1), StateChange(1, 2), StateChange(2, 1))
    assert merged_steps((), [StateChange(1, 2)], (0,), (), {}) == (StateChange(1, 2),)


@pytest.mark.parametrize(("ran_nothing", "seen"), [(True, [1, 7, ABSENT]), (None, [1, ABSENT])])
def test_a_case_that_is_gone_when_its_module_runs_again_is_absent(ran_nothing: bool | None, seen: list[int]) -> None:
    """In the second night its module was skipped as a whole, or died before its first case."""
    steps, of_module = (StateChange(0, 1), StateChange(1, ABSENT)), (StateChange(1, 7), StateChange(2, ABSENT))
    found = merged_steps(steps, (), (0, 1, 2), of_module, {7: ran_nothing})
    assert [step.state for step in found] == seen


def test_whole_runs_are_counted_by_today_s_lists() -> None:
    numbers = site_of(nights("PSFC"), entries=(expecting(),)).cells[0].numbers
    assert [(each.passed, each.skipped, each.known, each.unlisted) for each in numbers] == [
        (2, 0, 0, 0),
        (1, 1, 0, 0),
        (1, 0, 1, 0),
        (1, 0, 0, 1),
    ]
    assert numbers[3].pass_rate == 0.5
    assert numbers[0].seconds == 2.5


def test_a_run_of_a_part_is_none_of_the_trend() -> None:
    part = night(2, module("test_os", did("F")))
    part = msgspec.structs.replace(part, run=msgspec.structs.replace(part.run, complete=False))
    (cell,) = site_of([*nights("P"), part]).cells
    assert (len(cell.runs), len(cell.numbers)) == (2, 1)


def test_another_cpython_is_named_where_it_came() -> None:
    modules = module("test_os", case("test_os.T.test_other"))
    site = site_of([night(1, modules), night(2, modules, python="3.14.0"), night(3, modules, python="3.14.0")])
    assert [[str(axis) for axis in each.changed_axes] for each in site.cells[0].numbers] == [
        [],
        ["CPython 3.13.5 -> 3.14.0"],
        [],
    ]


def test_a_change_with_another_cpython_makes_nothing_flaky() -> None:
    versions = ("3.13.5", "3.14.0", "3.13.5", "3.14.0")
    runs = [
        night(day, module("test_os", did(letter)), python=python)
        for day, letter, python in zip(range(1, 5), "PFPF", versions, strict=True)
    ]
    (found,) = site_of(runs).cells[0].cases.values()
    assert (found.changes, found.is_flaky) == (3, False)


def test_a_cell_that_has_not_run_for_days_is_stale() -> None:
    fresh, late = (datetime(2026, 9, day, 12, tzinfo=UTC) for day in (3, 6))
    assert [site.is_stale(site.cells[0]) for site in (site_of(nights("PP"), made=made) for made in (fresh, late))] == [
        False,
        True,
    ]


def test_cells_are_in_order_of_their_versions() -> None:
    site = site_of(
        nights("P", cell="wasi-33", toolchain="33"),
        nights("P", cell="wasi-9", toolchain="9"),
        nights("P", cell="wasi-25", toolchain="25"),
    )
    assert [cell.name for cell in site.cells] == ["wasi-9", "wasi-25", "wasi-33"]


@pytest.mark.parametrize(("python", "branch"), [("3.14.0a2+", "3.14"), ("/a/tree", "/a/tree"), ("", "unknown")])
def test_the_branch_of_a_cpython(python: str, branch: str) -> None:
    assert branch_of(python) == branch


def test_unexpected_is_by_the_lists_where_no_results_are_left() -> None:
    (cell,) = site_of(nights("PC"), entries=(expecting(),)).cells
    assert cell.unexpected == 1
    assert {found.verdict for found in cell.cases.values()} == {Verdict.AS_EXPECTED, Verdict.CHANGED}
