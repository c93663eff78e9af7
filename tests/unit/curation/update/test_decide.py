"""Decisions on one case in one setting. Runs are letters, the oldest first; a small one is not whole."""

from __future__ import annotations

import pytest

from harness.curation.update.decide import (
    KEEP,
    NO_ENTRY,
    Decision,
    DesiredEntry,
    NeededEntry,
    Rules,
    agreeing_runs,
    decide,
    settled,
)
from harness.curation.update.evidence import CaseSighting
from harness.expectations.entries import Expectation
from harness.results.outcomes import Outcome

SAW = {
    "P": (Outcome.PASS, ""),
    "S": (Outcome.SKIP, ""),
    "-": (None, ""),
    "E": (Outcome.ERROR, "OSError ENOSYS"),
    "V": (Outcome.ERROR, "ValueError"),
    "F": (Outcome.FAIL, "AssertionError"),
    "C": (Outcome.CRASH, "trap: unreachable"),
    "T": (Outcome.TIMEOUT, ""),
    "N": (Outcome.NOT_RUN, ""),
}


def saw(letters: str) -> list[CaseSighting]:
    return [CaseSighting(*SAW[letter.upper()], whole=not letter.islower()) for letter in letters]


def listed(*outcome: str, signature: tuple[str, ...] = ()) -> Expectation:
    outcomes = tuple(map(Outcome, outcome))
    return Expectation(tests=("test.test_os.T.test_a",), outcome=outcomes, signature=signature, reason="x", place="a:1")


def needs(*outcome: str, signature: tuple[str, ...] = ()) -> NeededEntry:
    return NeededEntry(tuple(map(Outcome, outcome)), signature)


def decided(letters: str, entry: Expectation | None, *, accept: bool = False, passed_in: str = "") -> Decision:
    return decide(saw(letters), entry, Rules(accept_regression=True) if accept else Rules(), passed_in=passed_in)


@pytest.mark.parametrize(
    ("letters", "state"),
    [
        ("PPEE", "EE"),
        ("EPEPPP", "PPP"),
        ("EPEPP", "EPEPP"),
        ("EPEPpp", "EPEPpp"),
        ("EPEPpPP", "PpPP"),
        ("PPP", "PPP"),
        ("EFFE", "EFFE"),
        ("ESP", "SP"),
        ("ES-", "S-"),
        ("", ""),
    ],
)
def test_what_lasted_since_the_last_change_is_the_state(letters: str, state: str) -> None:
    assert settled(saw(letters), runs=3) == saw(state)


@pytest.mark.parametrize(("letters", "count"), [("PPP", 3), ("pSp-", 2), ("EPP", 2), ("PPE", 0), ("", 0)])
def test_runs_agree_as_far_back_as_whole_ones_saw_nothing_bad(letters: str, count: int) -> None:
    assert agreeing_runs(saw(letters)) == count


@pytest.mark.parametrize("entry", [None, listed("error")])
def test_what_no_run_saw_stays_as_it_is(entry: Expectation | None) -> None:
    assert decided("", entry) == Decision(KEEP)


@pytest.mark.parametrize(
    ("letters", "needed"),
    [
        ("PPP", NO_ENTRY),
        ("E", needs("error", signature=("OSError ENOSYS",))),
        ("EPE", needs("error", "pass", signature=("OSError ENOSYS",))),
        ("VEFV", needs("error", "fail", signature=("AssertionError", "OSError ENOSYS", "ValueError"))),
        ("TCT", needs("timeout", "crash", signature=("trap: unreachable",))),
        ("FCCF", needs("crash", "fail", signature=("AssertionError", "trap: unreachable"))),
    ],
)
def test_without_an_entry_what_fails_needs_one_with_the_usual_outcome_first(letters: str, needed: DesiredEntry) -> None:
    assert decided(letters, None) == Decision(needed)


def test_without_an_entry_what_passed_before_is_listed_only_when_asked_for() -> None:
    held = "is a regression: it passed in run 7; --accept-regression would list it"
    assert decided("E", None, passed_in="run 7") == Decision(NO_ENTRY, held)
    assert decided("F", None, passed_in="run 7", accept=True).want == needs("fail", signature=("AssertionError",))


@pytest.mark.parametrize(
    ("letters", "held"),
    [
        ("NEN", "was not run, which is no failure of its own"),
        ("ESE", "is skip now and then, which no list can say"),
        ("E-PS-E", "is missing or skip now and then, which no list can say"),
    ],
)
def test_without_an_entry_what_no_list_can_say_gets_none(letters: str, held: str) -> None:
    assert decided(letters, None) == Decision(NO_ENTRY, held)


@pytest.mark.parametrize(
    ("letters", "entry"),
    [
        ("EEE", listed("error")),
        ("EPV", listed("error", "pass")),
        ("PPP", listed("fail", "pass")),
        ("E", listed("error", signature=("OSError ENOSYS",))),
        ("N", listed("not-run")),
    ],
)
def test_an_entry_that_knows_all_that_was_seen_stays_without_a_word(letters: str, entry: Expectation) -> None:
    assert decided(letters, entry) == Decision(KEEP)


@pytest.mark.parametrize(
    ("letters", "decision"),
    [
        ("PPP", Decision(NO_ENTRY)),
        ("EPEPPP", Decision(NO_ENTRY)),
        ("E-S-", Decision(NO_ENTRY)),
        ("EPP", Decision(KEEP, "does pass now; 3 whole runs must have seen it, and 2 have")),
        ("sss", Decision(KEEP, "does skip now; 3 whole runs must have seen it, and none has")),
        ("P-S", Decision(NO_ENTRY)),
        ("P-", Decision(KEEP, "is gone now; 3 whole runs must have seen it, and 2 have")),
    ],
)
def test_an_entry_for_what_is_good_now_goes_when_enough_whole_runs_agree(letters: str, decision: Decision) -> None:
    assert decided(letters, listed("error")) == decision


def test_an_entry_for_an_altered_environment_outlives_passes_and_not_failures() -> None:
    assert decided("PPP", listed("env-changed")) == Decision(KEEP)
    assert decided("EEE", listed("env-changed")) == Decision(needs("error", signature=("OSError ENOSYS",)))


@pytest.mark.parametrize(
    ("letters", "entry", "needed"),
    [
        ("F", listed("error"), needs("fail", signature=("AssertionError",))),
        ("FPF", listed("error"), needs("fail", "pass", signature=("AssertionError",))),
        ("EFE", listed("error"), needs("error", "fail")),
        ("FFEF", listed("error"), needs("error", "fail")),
        ("EPE", listed("error"), needs("error", "pass")),
        (
            "VEPV",
            listed("error", signature=("OSError ENOSYS",)),
            needs("error", "pass", signature=("OSError ENOSYS", "ValueError")),
        ),
        ("CEC", listed("crash"), needs("crash", "error")),
        ("NVN", listed("fail"), needs("error", signature=("ValueError",))),
        ("NEN", listed("not-run"), needs("not-run", "error")),
    ],
)
def test_an_entry_takes_over_outcomes_and_signatures_that_are_no_worse(
    letters: str, entry: Expectation, needed: NeededEntry
) -> None:
    assert decided(letters, entry) == Decision(needed)


@pytest.mark.parametrize(
    ("letters", "held"),
    [
        ("NNN", "was not run, which is no failure of its own"),
        ("T", "does timeout now, worse than its entry: --accept-regression would list it"),
        ("FSF", "is skip now and then, which no list can say"),
    ],
)
def test_an_entry_stays_where_what_was_seen_is_worse_or_cannot_be_listed(letters: str, held: str) -> None:
    assert decided(letters, listed("error")) == Decision(KEEP, held)


def test_a_hang_in_the_place_of_an_error_is_listed_when_asked_for() -> None:
    assert decided("T", listed("error"), accept=True) == Decision(needs("timeout"))
