"""What was asked for and could not be seen."""

from __future__ import annotations

import pytest

from harness.curation.update.evidence import read_run
from harness.expectations.compare import compare_module
from harness.expectations.entries import CellExpectations
from harness.history.record import record_of
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome
from harness.results.verdicts import Verdict
from harness.suite.unseen import NO_SUCH_CASE, is_wanted, lost_module, seen_cases, with_unmet
from tests.unit.sample_results import case, module, results

CASE = "test.test_json.test_decode.TestCDecode.test_float"


def skipped(reason: str) -> CaseResult:
    return CaseResult(case="test.test_json", outcome=Outcome.SKIP, detail=Detail(reason=reason))


def test_a_case_that_did_not_appear_is_not_a_skip() -> None:
    other = "test.test_json.T.test_other"
    found = with_unmet(module("test_json", case("test_json.T.test_other")), (other, CASE))
    assert {one.case: one.outcome for one in found.cases} == {other: Outcome.PASS, CASE: Outcome.NOT_RUN}
    failed = with_unmet(module("test_json", case("test_json.T.test_other", Outcome.FAIL)), (other, CASE))
    assert {one.case: one.outcome for one in failed.cases} == {other: Outcome.FAIL, CASE: Outcome.NOT_RUN}
    nothing = with_unmet(module("test_json", skipped("no case matched"), reason="no case matched"), (CASE,))
    assert [(one.case, one.outcome) for one in nothing.cases] == [(CASE, Outcome.NOT_RUN)]
    (row,) = compare_module(nothing, CellExpectations()).rows
    assert (row.verdict, row.detail.reason) == (Verdict.REGRESSION, NO_SUCH_CASE)


@pytest.mark.parametrize(
    "result",
    [
        module("test_json", case("test_json.T.test_a#2")),
        module("test_json", case("test_json.T.test_a")),
        module("test_json", skipped("requires sockets"), reason="requires sockets"),
        module("test_json", CaseResult(case="test.test_json", outcome=Outcome.CRASH)),
        module("test_json", case("test_json.T.test_b"), CaseResult(case="test.test_json", outcome=Outcome.CRASH)),
        module("test_json", case("test_json.T.test_b"), case("test_json.T.test_a")),
    ],
)
def test_a_case_that_appeared_or_could_not_appear_is_not_unmet(result: ModuleResult) -> None:
    assert with_unmet(result, ("test.test_json.T.test_a",)) is result
    assert with_unmet(module("test_json", case("test_json.T.test_a")), ("test.test_json.T.*",)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "result",
    [lost_module("test_json", "no engine"), with_unmet(module("test_json", case("test_json.T.test_a")), (CASE,))],
)
def test_lists_and_history_learn_nothing_from_it(result: ModuleResult) -> None:
    assert compare_module(result, CellExpectations()).unexpected
    found = results(result, complete=False)
    run = read_run(found, source="results.json")
    assert (set(run.seen) | set(run.unsettled)) <= {"test.test_json.T.test_a"}
    assert not run.failures
    assert {name for _, name in record_of(found, source="x").states} <= {"test.test_json.T.test_a"}


@pytest.mark.parametrize(
    ("case", "pattern", "wanted"),
    [
        ("m.T.a", "m.T.a", True),
        ("m.T.ab", "m.T.a", False),
        ("m.T.a", "m.T.*", True),
        ("m.T.a#2", "m.T.a", True),
        ("m.T.a#2", "m.T.a#2", True),
        ("m.T.a[1]", "m.T.a[1]", True),
        ("m.__doc__", "m", True),
        ("m.__doc__", "m.__doc__", True),
        ("m.__doc__#2", "m", True),
        ("m.__doc__#2", "m.__doc__", True),
    ],
)
def test_a_case_is_wanted_by_its_name_its_id_or_a_pattern(case: str, pattern: str, wanted: bool) -> None:
    assert is_wanted(case, ["other", pattern]) is wanted


@pytest.mark.parametrize(("own", "name"), [(False, "test.test_json"), (True, "test_json")])
def test_a_module_that_is_lost_was_not_run(own: bool, name: str) -> None:
    detail = Detail(reason="lost: no engine")
    lost = lost_module("test_json", "no engine", own=True) if own else lost_module("test_json", "no engine")
    assert lost == ModuleResult(
        module="test_json",
        outcome=Outcome.NOT_RUN,
        seconds=0.0,
        attempts=0,
        complete=False,
        cases=(CaseResult(case=name, outcome=Outcome.NOT_RUN, detail=detail),),
        detail=detail,
        own=own,
    )


def test_a_skip_was_seen_whatever_its_reason() -> None:
    skip = skipped("lost: the network")
    assert seen_cases(module("test_json", skip, reason="lost: the network")) == (skip,)
