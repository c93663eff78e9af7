"""What the site says of each case and cell, for nights that are written as letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.history.changes import ABSENT, StateChange
from harness.history.query import query_history
from harness.manifest import Manifest
from harness.results.outcomes import Outcome
from harness.results.verdicts import Verdict
from harness.site.model import CaseOnCell, branch_of, steps_of
from tests.unit.history.test_properties import many_runs, run_of
from tests.unit.sample_results import case, module
from tests.unit.site.samples import LINK, did, expecting, history_of, night, nights, site_from, site_of

Runs: TypeAlias = list[tuple[bool, int, Mapping[str, tuple[str, Mapping[str, Outcome]]]]]


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


def test_a_case_of_a_module_that_was_skipped_at_first_is_skipped_then() -> None:
    skipped = module("test_os", outcome=Outcome.SKIP, reason="no")
    (cell,) = site_of([night(1, skipped), night(2, module("test_os", did("P")))]).cells
    (found,) = (found for found in cell.cases.values() if found.state.outcome is Outcome.PASS)
    assert [str(turn.old) for turn in found.turns] == ["skip"]
    assert [each.skipped for each in cell.numbers] == [2, 0]


def test_nothing_is_known_of_a_case_when_its_module_died_before() -> None:
    died = module("test_os", outcome=Outcome.CRASH)
    site = site_of([night(1, module("test_os", did("P"))), night(2, died)])
    (found,) = (found for number, found in site.cells[0].cases.items() if site.cases[number].name == LINK)
    assert (found.tone, found.changes) == ("pass", 0)


@settings(max_examples=60, deadline=None)
@given(many_runs, st.lists(st.sampled_from(["3.13.5", "3.14.0"]), min_size=7, max_size=7))
def test_the_site_and_the_history_agree(runs: Runs, pythons: Sequence[str]) -> None:
    """Whatever the runs: whole ones, parts, single cases, modules that were skipped or died."""
    made = [
        msgspec.structs.replace(run_of(*run), build=Manifest.from_json({"python": python}))
        for run, python in zip(runs, pythons, strict=False)
    ]
    with history_of(made) as store:
        assume(store.cases("1", ""))
        answers = {answer.case: answer.account for answer in query_history(store, "*").cases}
        site = site_from(store)
    (cell,) = site.cells
    found = {site.cases[number]: case for number, case in cell.cases.items()}
    assert found.keys() == answers.keys()
    for name, account in answers.items():
        on_cell = found[name]
        assert (on_cell.state, on_cell.changes, on_cell.is_flaky) == (
            account.newest.state,
            account.changes,
            account.is_flaky,
        ), name
        if account.last_change:
            turn = on_cell.turns[-1]
            change = account.last_change
            assert (cell.runs[turn.before], cell.runs[turn.at]) == (change.before.run, change.after.run)
            assert (turn.old, turn.new) == (change.before.state, change.after.state)


def test_a_place_that_only_one_of_two_crashes_names_is_not_a_change() -> None:
    stack = '  File "/Lib/json/encoder.py", line 5 in encode\n'
    crash = {"exception": "wasm trap: unreachable", "message": "x"}
    nameless = case("test_os.T.test_link", Outcome.CRASH, **crash)
    named = case("test_os.T.test_link", Outcome.CRASH, **crash, python_stack=stack)
    (cell,) = site_of(
        [night(day, module("test_os", did)) for day, did in enumerate((nameless, named, nameless), 1)]
    ).cells
    (found,) = (found for found in cell.cases.values() if found.state.outcome is Outcome.CRASH)
    assert len(found.steps) == 3, "the history keeps all three states"
    assert (found.changes, found.is_flaky) == (0, False)


def test_the_run_before_a_change_is_the_one_that_ran_the_case() -> None:
    """The second run is of another module, with another CPython: the change has nothing to do with it."""
    one, other = (
        module(name, case(f"{name}.T.test_a", outcome))
        for name, outcome in (("test_os", Outcome.PASS), ("test_x", Outcome.PASS))
    )
    between = night(2, other, python="3.14.0")
    between = msgspec.structs.replace(between, run=msgspec.structs.replace(between.run, complete=False))
    failed = module("test_os", case("test_os.T.test_a", Outcome.FAIL))
    (cell,) = site_of([night(1, one), between, night(3, failed)]).cells
    (found,) = (found for found in cell.cases.values() if found.state.outcome is Outcome.FAIL)
    assert [(turn.before, turn.at) for turn in found.turns] == [(0, 2)]


def test_the_states_that_all_runs_saw_as_steps() -> None:
    seen = [StateChange(at, state) for at, state in enumerate((ABSENT, 1, 1, 2, ABSENT, 2))]
    assert steps_of(seen) == (StateChange(1, 1), StateChange(3, 2), StateChange(4, ABSENT), StateChange(5, 2))


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


def test_a_run_of_a_part_does_not_count_for_the_trend() -> None:
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
