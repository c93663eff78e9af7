"""Cases that ran again: what is worth another try, and what a change of outcome means."""

from __future__ import annotations

import msgspec
import pytest

from harness.curation.update.evidence import read_run
from harness.expectations.compare import compare_module
from harness.expectations.entries import CellExpectations, Expectation
from harness.results.outcomes import CaseResult, ModuleResult, Outcome, decode_module, encode_module
from harness.results.verdicts import CaseVerdict, Verdict
from harness.run.rerun import MANY, with_environment_tries, with_tries, worth_another_try
from tests.unit.sample_results import case, expecting, module, results

A, B = "test_os.T.test_a", "test_os.T.test_b"
PASS, FAIL, ERROR, SKIP, CRASH = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.SKIP, Outcome.CRASH


def lists(*entries: Expectation) -> CellExpectations:
    return CellExpectations({test: entry for entry in entries for test in entry.tests})


def tried_again(result: ModuleResult, *entries: Expectation) -> tuple[str, ...]:
    """The cases of a module that run again."""
    return worth_another_try(result, compare_module(result, lists(*entries)))


def rows(result: ModuleResult, *entries: Expectation) -> dict[str, CaseVerdict]:
    return {row.case.removeprefix("test."): row for row in compare_module(result, lists(*entries)).rows}


def tried(*outcomes: Outcome) -> ModuleResult:
    """test_a with these outcomes, one for each run; test_b ran once."""
    first, *further = (module("test_os", case(A, outcome), case(B)) for outcome in outcomes)
    return with_tries(first, [module("test_os", *rerun.cases[:1]) for rerun in further])


def test_only_what_nobody_expected_runs_again() -> None:
    known, new, good = case(A, FAIL), case(B, ERROR), case("test_os.T.test_c")
    result = module("test_os", known, new, good)
    assert tried_again(result, expecting(A, FAIL)) == (f"test.{B}",)


def test_an_entry_that_passes_now_runs_again_before_anybody_removes_it() -> None:
    assert tried_again(module("test_os", case(A)), expecting(A, FAIL)) == (f"test.{A}",)


@pytest.mark.parametrize("name", ["test.test_os", "setUpClass (test.test_os.T)", "after (test.test_os.T.test_a)"])
def test_what_has_no_name_for_regrtest_does_not_run_again(name: str) -> None:
    result = module("test_os", CaseResult(case=name, outcome=ERROR), case(A))
    assert tried_again(result) == ()


def test_an_entry_that_met_no_case_has_nothing_to_run() -> None:
    assert tried_again(module("test_os", case(B)), expecting(A, FAIL)) == ()


@pytest.mark.parametrize(("count", "again"), [(MANY, MANY), (MANY + 1, 0)])
def test_a_module_that_is_broken_as_a_whole_does_not_run_again(count: int, again: int) -> None:
    broken = module("test_os", *(case(f"test_os.T.test_{number}", FAIL) for number in range(count)))
    assert len(tried_again(broken)) == again


@pytest.mark.parametrize(
    ("first", "further", "tries"),
    [
        (True, (True, False), (True, True, False)),
        (False, (False, True), (False, False, True)),
        (False, (False,), ()),
        (True, (), ()),
    ],
)
def test_what_each_whole_run_left_of_the_environment_is_kept(
    first: bool, further: tuple[bool, ...], tries: tuple[bool, ...]
) -> None:
    runs = [msgspec.structs.replace(module("test_os", case(A)), env_changed=changed) for changed in (first, *further)]
    assert with_environment_tries(runs[0], runs[1:]).env_tries == tries


def test_only_the_cases_in_question_are_kept_of_a_run_of_the_whole_module() -> None:
    first, again = module("test_os", case(A, FAIL), case(B)), module("test_os", case(A), case(B))
    assert {found.case: found.tries for found in with_tries(first, [again], only=[f"test.{A}"]).cases} == {
        f"test.{A}": (FAIL, PASS),
        f"test.{B}": (),
    }


def test_every_outcome_is_kept_and_the_first_one_counts() -> None:
    result = tried(FAIL, PASS, FAIL)
    assert [(found.outcome, found.tries) for found in result.cases] == [(FAIL, (FAIL, PASS, FAIL)), (PASS, ())]
    assert decode_module("test_os", encode_module(result)) == result


def test_a_case_that_fails_every_time_is_a_regression() -> None:
    assert rows(tried(FAIL, FAIL, FAIL))[A].verdict is Verdict.REGRESSION


@pytest.mark.parametrize("outcomes", [(FAIL, PASS, FAIL), (FAIL, FAIL, PASS), (CRASH, PASS), (PASS, FAIL)])
def test_a_case_that_changes_its_outcome_is_flaky_and_never_a_pass(outcomes: tuple[Outcome, ...]) -> None:
    row = rows(tried(*outcomes))[A]
    assert row.verdict is Verdict.FLAKY
    assert row.verdict.is_unexpected
    assert row.tries == outcomes
    assert msgspec.convert(msgspec.to_builtins(row), CaseVerdict) == row


def test_an_entry_that_passes_now_and_then_is_flaky_not_fixed() -> None:
    assert rows(tried(PASS, FAIL), expecting(A, FAIL))[A].verdict is Verdict.FLAKY
    assert rows(tried(PASS, PASS), expecting(A, FAIL))[A].verdict is Verdict.FIXED


def test_what_an_entry_lists_may_change_as_it_likes() -> None:
    assert rows(tried(FAIL, PASS), expecting(A, FAIL, PASS))[A].verdict is Verdict.KNOWN
    assert rows(tried(FAIL, CRASH), expecting(A, FAIL, PASS))[A].verdict is Verdict.FLAKY


def test_a_case_that_passes_once_and_then_skips_is_not_reported() -> None:
    assert A not in rows(tried(PASS, SKIP))


@pytest.mark.parametrize("name", ["after (test.test_os.T.test_a)", "test.test_os", "test.test_os.T.test_new"])
def test_what_only_a_further_whole_run_did_wrong_is_flaky(name: str) -> None:
    first = module("test_os", case(A), case(B))
    again = [module("test_os", case(A), case(B), CaseResult(case=name, outcome=CRASH)), first]
    (row,) = compare_module(with_tries(first, again, whole=True), lists()).rows
    assert (row.case, row.verdict, row.tries) == (name, Verdict.FLAKY, (PASS, CRASH, PASS))
    assert with_tries(first, again, whole=True).cases[0].tries == (PASS, PASS, PASS)
    assert not compare_module(with_tries(first, again), lists()).rows


def test_a_new_case_that_passes_in_a_further_run_is_not_reported() -> None:
    first, more = module("test_os", case(A)), module("test_os", case(A), case(B))
    assert [found.case for found in with_tries(first, [more], whole=True).cases] == [f"test.{A}"]


def test_a_flaky_case_is_not_evidence_for_the_lists() -> None:
    seen = read_run(results(tried(FAIL, PASS)), source="results.json").seen
    assert set(seen) == {f"test.{B}"}
