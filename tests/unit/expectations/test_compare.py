"""Verdicts: what each outcome means against its expectation."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.expectations.compare import compare, compare_module, judge_outcome, set_apart
from harness.expectations.entries import CellExpectations, Expectation
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, judged_cases, worst
from harness.results.verdicts import CaseVerdict, Comparison, Verdict
from harness.util.json_text import encode_json

LINK = "test.test_os.LinkTests.test_link"
STAT = "test.test_os.StatTests.test_stat"


def entry(*tests: str, outcome: tuple[Outcome, ...] = (Outcome.ERROR,), run: bool = True) -> Expectation:
    return Expectation(
        tests=tests,
        outcome=outcome,
        reason="os.link() fails with ENOSYS",
        limitation="fs-hard-links",
        place="expected_failures/fs.toml:1",
        run=run,
    )


def expecting(*entries: Expectation) -> CellExpectations:
    return CellExpectations({test: found for found in entries for test in found.tests})


def module(
    *cases: CaseResult,
    name: str = "test_os",
    outcome: Outcome | None = None,
    complete: bool = True,
    detail: Detail = Detail(),  # noqa: B008
) -> ModuleResult:
    return ModuleResult(
        module=name,
        outcome=outcome or worst([case.outcome for case in cases]),
        seconds=1.5,
        attempts=1,
        complete=complete,
        cases=cases,
        detail=detail,
    )


def case(name: str, outcome: Outcome, reason: str = "") -> CaseResult:
    return CaseResult(case=name, outcome=outcome, detail=Detail(reason=reason))


def verdicts(comparison: Comparison) -> dict[str, Verdict]:
    return {row.case: row.verdict for row in comparison.rows}


@pytest.mark.parametrize("outcome", Outcome)
def test_without_an_entry_only_good_outcomes_are_as_expected(outcome: Outcome) -> None:
    good = outcome in {Outcome.PASS, Outcome.SKIP, Outcome.NO_TESTS, Outcome.EXPECTED_FAILURE}
    assert judge_outcome(outcome, None) is (Verdict.AS_EXPECTED if good else Verdict.REGRESSION)


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome.FAIL, Verdict.KNOWN),
        (Outcome.TIMEOUT, Verdict.KNOWN),
        (Outcome.PASS, Verdict.FIXED),
        (Outcome.SKIP, Verdict.CHANGED),
        (Outcome.NO_TESTS, Verdict.CHANGED),
        (Outcome.EXPECTED_FAILURE, Verdict.CHANGED),
        (Outcome.UNEXPECTED_SUCCESS, Verdict.CHANGED),
        (Outcome.ERROR, Verdict.CHANGED),
        (Outcome.CRASH, Verdict.CHANGED),
        (Outcome.NOT_RUN, Verdict.CHANGED),
    ],
)
def test_an_entry_excuses_what_it_lists_and_nothing_else(outcome: Outcome, verdict: Verdict) -> None:
    assert judge_outcome(outcome, entry(LINK, outcome=(Outcome.FAIL, Outcome.TIMEOUT))) is verdict


def test_a_case_that_passes_now_and_then_is_known_either_way() -> None:
    flaky = entry(LINK, outcome=(Outcome.FAIL, Outcome.PASS))
    assert {judge_outcome(outcome, flaky) for outcome in (Outcome.FAIL, Outcome.PASS)} == {Verdict.KNOWN}
    assert judge_outcome(Outcome.CRASH, flaky) is Verdict.CHANGED


def test_what_must_not_run_is_known_when_it_did_not_run() -> None:
    takes_down = entry(LINK, outcome=(Outcome.CRASH,), run=False)
    assert judge_outcome(Outcome.NOT_RUN, takes_down) is Verdict.KNOWN
    assert judge_outcome(Outcome.PASS, takes_down) is Verdict.FIXED
    assert judge_outcome(Outcome.NOT_RUN, entry(LINK, outcome=(Outcome.CRASH,))) is Verdict.CHANGED


def test_a_class_that_must_not_run_is_known_as_a_whole_and_its_entry_is_not_missing() -> None:
    whole_class = entry("test.test_os.LinkTests.*", outcome=(Outcome.CRASH,), run=False)
    result = module(case("test.test_os.LinkTests.*", Outcome.NOT_RUN, "run = false"), case(STAT, Outcome.PASS))
    found = compare([result], expecting(whole_class), complete=True)
    assert verdicts(found) == {"test.test_os.LinkTests.*": Verdict.KNOWN}
    assert found.is_as_expected


def without_tests(**changes: Any) -> ModuleResult:
    own = case("test.test_os", Outcome.NO_TESTS, "the module has no tests")
    return msgspec.structs.replace(module(own, outcome=Outcome.NO_TESTS, detail=own.detail), **changes)


def test_a_module_without_tests_is_as_expected_unless_an_entry_names_it() -> None:
    assert compare([without_tests()], expecting(), complete=True).rows == ()
    found = compare([without_tests()], expecting(entry(LINK), entry("test.test_os")), complete=True)
    assert verdicts(found) == {"test.test_os": Verdict.CHANGED, LINK: Verdict.MISSING}


def altered(env_changed: bool = True, *tries: bool, cases: tuple[CaseResult, ...] = ()) -> ModuleResult:
    result = module(*(cases or (case(STAT, Outcome.PASS),)))
    return msgspec.structs.replace(result, env_changed=env_changed, env_tries=tries)


def in_strict_run(result: ModuleResult, *entries: Expectation) -> dict[str, tuple[Verdict, Outcome | None]]:
    lists = dataclasses.replace(expecting(*entries), fail_env_changed=True)
    return {row.case: (row.verdict, row.outcome) for row in compare_module(result, lists).rows}


ENV = (Outcome.ENV_CHANGED,)
LISTED = entry("test.test_os", outcome=ENV)


@pytest.mark.parametrize(
    ("result", "entries", "found"),
    [
        (altered(), (), (Verdict.REGRESSION, Outcome.ENV_CHANGED)),
        (altered(), (LISTED,), (Verdict.KNOWN, Outcome.ENV_CHANGED)),
        (altered(), (entry("test.test_os", outcome=(Outcome.CRASH,)),), (Verdict.CHANGED, Outcome.ENV_CHANGED)),
        (altered(False), (), None),
        (altered(False), (LISTED,), (Verdict.FIXED, Outcome.PASS)),
        (altered(True, True, True), (), (Verdict.REGRESSION, Outcome.ENV_CHANGED)),
        (altered(True, True, False), (), (Verdict.FLAKY, Outcome.ENV_CHANGED)),
        (altered(False, False, True), (), (Verdict.FLAKY, Outcome.PASS)),
        (altered(False, False, True), (LISTED,), (Verdict.FLAKY, Outcome.PASS)),
    ],
)
def test_a_run_may_ask_that_no_module_alters_its_environment(
    result: ModuleResult, entries: tuple[Expectation, ...], found: tuple[Verdict, Outcome] | None
) -> None:
    assert in_strict_run(result, *entries).get("test.test_os") == found
    # No other run judges it, not even by the entry.
    assert compare_module(result, expecting(*(each for each in entries if each is LISTED))).rows == ()


def test_an_altered_environment_adds_nothing_to_a_module_that_went_wrong_itself() -> None:
    own = case("test.test_os", Outcome.ERROR)
    assert in_strict_run(altered(cases=(own,))) == {"test.test_os": (Verdict.REGRESSION, Outcome.ERROR)}


def test_an_altered_environment_is_counted() -> None:
    lists = CellExpectations(fail_env_changed=True)
    found = compare([altered()], lists, complete=True)
    assert found.counts == {Verdict.AS_EXPECTED: 1, Verdict.REGRESSION: 1}
    assert found.rows[0].detail.message == "the module altered the execution environment (--fail-env-changed)"


def test_what_was_altered_is_said_as_far_as_regrtest_printed_it() -> None:
    printed = (
        "Warning -- os.environ was modified by test_os\nWarning --   Before: {}\nWarning --   After: {'A': 'b'}\n"
        "no Warning -- at all\nWarning -- os.environ was modified by test_os\nWarning -- test_os leaked a file\n"
    )
    lists = CellExpectations(fail_env_changed=True)
    (row,) = compare_module(msgspec.structs.replace(altered(), output=printed), lists).rows
    assert row.detail.message.endswith(": os.environ was modified by test_os; test_os leaked a file")


@pytest.mark.parametrize(
    ("signature", "verdict"),
    [
        ("OSError ENOSYS", Verdict.KNOWN),
        ("OSError EPERM", Verdict.CHANGED),
        ("", Verdict.KNOWN),  # no signature can be computed for this failure
    ],
)
def test_a_failure_with_another_signature_is_changed(signature: str, verdict: Verdict) -> None:
    signed = dataclasses.replace(entry(LINK), signature=("OSError ENOSYS",))
    assert judge_outcome(Outcome.ERROR, signed, signature) is verdict
    assert judge_outcome(Outcome.ERROR, entry(LINK), signature) is Verdict.KNOWN


def test_a_row_says_what_was_got_what_was_expected_and_why() -> None:
    detail = Detail(exception="OSError", message="[Errno 52] Function not implemented")
    comparison = compare_module(
        module(CaseResult(case=LINK, outcome=Outcome.FAIL, detail=detail), case(STAT, Outcome.PASS)),
        expecting(entry(LINK)),
    )
    assert comparison.rows == (
        CaseVerdict(
            case=LINK,
            module="test_os",
            verdict=Verdict.CHANGED,
            outcome=Outcome.FAIL,
            expected=(Outcome.ERROR,),
            place="expected_failures/fs.toml:1",
            limitation="fs-hard-links",
            reason="os.link() fails with ENOSYS",
            detail=detail,
        ),
    )
    assert comparison.counts == {Verdict.CHANGED: 1, Verdict.AS_EXPECTED: 1}
    assert comparison.unexpected == comparison.rows
    assert not comparison.is_as_expected


def test_known_rows_are_listed_but_are_not_unexpected() -> None:
    comparison = compare_module(module(case(LINK, Outcome.ERROR)), expecting(entry(LINK)))
    assert verdicts(comparison) == {LINK: Verdict.KNOWN}
    assert comparison.unexpected == ()
    assert comparison.is_as_expected


def test_an_unseen_case_is_missing_only_from_a_complete_module() -> None:
    expected = expecting(entry(LINK), entry("test.test_json.T.test_a"))
    assert verdicts(compare_module(module(case(STAT, Outcome.PASS)), expected)) == {LINK: Verdict.MISSING}
    assert compare_module(module(case(STAT, Outcome.PASS), complete=False), expected).rows == ()


def test_nothing_is_missing_from_a_module_that_went_wrong_as_a_whole() -> None:
    died = module(case("test.test_os", Outcome.ERROR))
    assert verdicts(compare_module(died, expecting(entry(LINK)))) == {"test.test_os": Verdict.REGRESSION}


def test_entries_of_a_module_that_is_skipped_now_are_missing_and_say_why() -> None:
    skipped = module(outcome=Outcome.SKIP, detail=Detail(reason="no os here"))
    (row,) = compare_module(skipped, expecting(entry(LINK))).rows
    assert (row.verdict, row.outcome, row.detail.reason) == (Verdict.MISSING, None, "no os here")


def test_a_skipped_module_is_one_skipped_case_not_a_pass() -> None:
    skipped = module(outcome=Outcome.SKIP, detail=Detail(reason="no os here"))
    assert judged_cases(skipped) == (
        CaseResult(case="test.test_os", outcome=Outcome.SKIP, seconds=1.5, detail=Detail(reason="no os here")),
    )
    assert compare_module(skipped, expecting()).counts == {Verdict.AS_EXPECTED: 1}
    assert verdicts(compare_module(skipped, expecting(entry("test.test_os")))) == {"test.test_os": Verdict.CHANGED}


def test_a_module_that_failed_without_a_failed_case_is_a_regression() -> None:
    died = module(case(STAT, Outcome.PASS), outcome=Outcome.CRASH)
    assert verdicts(compare_module(died, expecting())) == {"test.test_os": Verdict.REGRESSION}
    known = expecting(entry("test.test_os", outcome=(Outcome.CRASH,)))
    assert verdicts(compare_module(died, known)) == {"test.test_os": Verdict.KNOWN}


def test_a_module_without_a_single_case_is_judged_unless_nothing_was_asked() -> None:
    assert verdicts(compare_module(module(), expecting())) == {"test.test_os": Verdict.REGRESSION}
    assert compare_module(module(complete=False), expecting()) == Comparison(counts={})


def test_a_module_that_died_before_its_first_case_is_judged_even_if_only_some_cases_were_asked_for() -> None:
    died = module(outcome=Outcome.CRASH, complete=False)
    assert verdicts(compare_module(died, expecting())) == {"test.test_os": Verdict.REGRESSION}


def test_what_the_cases_of_a_module_did_counts_although_the_module_as_such_went_wrong() -> None:
    own = case("test.test_os", Outcome.SKIP)
    died = module(case(STAT, Outcome.PASS), own, outcome=Outcome.ERROR)
    assert [(judged.case, judged.outcome) for judged in judged_cases(died)] == [
        (STAT, Outcome.PASS),
        ("test.test_os", Outcome.ERROR),
    ]
    assert compare_module(died, expecting()).counts == {Verdict.AS_EXPECTED: 1, Verdict.REGRESSION: 1}


def test_an_entry_for_the_module_is_fixed_when_only_its_cases_are_left_to_judge() -> None:
    expected = expecting(entry("test.test_os"))
    (row,) = compare_module(module(case(STAT, Outcome.PASS)), expected).rows
    assert (row.verdict, row.outcome) == (Verdict.FIXED, Outcome.PASS)
    assert compare_module(module(case(STAT, Outcome.PASS), complete=False), expected).rows == ()


def test_a_case_not_run_follows_what_prevented_it() -> None:
    fixture = "setUpClass (test.test_os.LinkTests)"
    result = module(
        case(fixture, Outcome.ERROR),
        case(LINK, Outcome.NOT_RUN, fixture),
        case(STAT, Outcome.NOT_RUN, fixture),
    )
    comparison = compare_module(result, expecting(entry(LINK)))
    assert verdicts(comparison) == {fixture: Verdict.REGRESSION}
    assert comparison.counts == {Verdict.REGRESSION: 1, Verdict.AS_EXPECTED: 2}
    assert comparison.followed == 2


def test_a_case_that_is_expected_not_to_run_follows_nothing() -> None:
    result = module(case(STAT, Outcome.CRASH), case(LINK, Outcome.NOT_RUN, STAT))
    found = compare_module(result, expecting(entry(LINK, outcome=(Outcome.NOT_RUN,))))
    assert verdicts(found) == {STAT: Verdict.REGRESSION, LINK: Verdict.KNOWN}
    assert found.followed == 0


def test_cases_of_a_fixture_that_skipped_are_as_expected() -> None:
    fixture = "setUpModule (test.test_os)"
    result = module(case(fixture, Outcome.SKIP), case(LINK, Outcome.NOT_RUN, fixture))
    assert compare_module(result, expecting()).counts == {Verdict.AS_EXPECTED: 2}


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("", Outcome.ERROR),
        ("test.test_os.Gone.test_x", Outcome.ERROR),  # names what the module does not have
        (STAT, Outcome.PASS),  # names what prevented nothing
        (STAT, Outcome.EXPECTED_FAILURE),
        (STAT, Outcome.NOT_RUN),  # a chain has to end at something that happened
        (LINK, Outcome.ERROR),  # names itself
    ],
)
def test_a_case_not_run_without_a_cause_is_a_regression(reason: str, cause: Outcome) -> None:
    result = module(case(LINK, Outcome.NOT_RUN, reason), case(STAT, cause, LINK))
    assert verdicts(compare_module(result, expecting()))[LINK] is Verdict.REGRESSION


def test_a_wildcard_judges_every_case_of_its_class() -> None:
    names = [f"test.test_os.LinkTests.test_{name}" for name in ("a", "b", "c", "d")]
    outcomes = (Outcome.ERROR, Outcome.PASS, Outcome.SKIP, Outcome.CRASH)
    result = module(*(case(name, outcome) for name, outcome in zip(names, outcomes, strict=True)))
    found = verdicts(compare_module(result, expecting(entry("test.test_os.LinkTests.*"))))
    assert list(found.values()) == [Verdict.KNOWN, Verdict.FIXED, Verdict.CHANGED, Verdict.CHANGED]


def test_a_wildcard_is_missing_when_its_class_is_gone() -> None:
    found = compare_module(module(case(STAT, Outcome.PASS)), expecting(entry("test.test_os.LinkTests.*")))
    assert verdicts(found) == {"test.test_os.LinkTests.*": Verdict.MISSING}


def test_a_cell_is_the_sum_of_its_modules_in_any_order() -> None:
    results = [
        module(case(LINK, Outcome.ERROR), case(STAT, Outcome.FAIL)),
        module(case("test.test_json.T.test_b", Outcome.PASS), name="test_json"),
        module(outcome=Outcome.SKIP, name="test_mmap"),
    ]
    expected = expecting(entry(LINK), entry("test.test_json.T.test_a"))
    found = compare(results, expected)
    assert found == compare(results[::-1], expected)
    assert found.counts == {
        Verdict.AS_EXPECTED: 2,
        Verdict.KNOWN: 1,
        Verdict.REGRESSION: 1,
        Verdict.MISSING: 1,
    }
    assert [row.case for row in found.rows] == ["test.test_json.T.test_a", LINK, STAT]


def test_entries_of_no_module_are_missing_only_from_the_whole_suite() -> None:
    results = [module(case(STAT, Outcome.PASS), case("test.helper.T.test_a", Outcome.ERROR))]
    expected = expecting(entry("test.test_gone.T.test_a"), entry("test.helper.T.*"), entry("test.helper.U.*"))
    assert verdicts(compare(results, expected)) == {"test.helper.T.test_a": Verdict.KNOWN}
    assert verdicts(compare(results, expected, complete=True)) == {
        "test.helper.T.test_a": Verdict.KNOWN,
        "test.helper.U.*": Verdict.MISSING,
        "test.test_gone.T.test_a": Verdict.MISSING,
    }
    assert compare(results, expected, complete=True).counts == {
        Verdict.AS_EXPECTED: 1,
        Verdict.KNOWN: 1,
        Verdict.MISSING: 2,
    }


def test_a_comparison_survives_json() -> None:
    results = module(case(LINK, Outcome.ERROR, "why"), case(STAT, Outcome.FAIL))
    found = compare_module(results, expecting(entry(LINK), entry("test.test_os.Gone.test_a")))
    assert msgspec.convert(msgspec.to_builtins(found), Comparison) == found


def test_a_row_in_json_says_why_and_leaves_out_what_is_empty() -> None:
    row = CaseVerdict(
        case=LINK, module="test_os", verdict=Verdict.FLAKY, outcome=None, issue="bpo-1", tries=(Outcome.PASS,)
    )
    assert json.loads(encode_json(row)) == {
        "case": LINK,
        "module": "test_os",
        "verdict": "flaky",
        "issue": "bpo-1",
        "tries": ["pass"],
    }
    assert msgspec.convert(msgspec.to_builtins(row), CaseVerdict) == row


@pytest.mark.parametrize(
    ("verdict", "outcome", "text"),
    [
        (Verdict.CHANGED, Outcome.ERROR, "error or timeout by OSError ENOSYS or OSError EPERM"),
        (Verdict.CHANGED, Outcome.CRASH, "error or timeout"),
        (Verdict.KNOWN, Outcome.ERROR, "error or timeout"),
    ],
)
def test_signatures_are_named_only_where_the_outcome_does_not_say_what_changed(
    verdict: Verdict, outcome: Outcome, text: str
) -> None:
    row = CaseVerdict(
        case=LINK,
        module="test_os",
        verdict=verdict,
        outcome=outcome,
        expected=(Outcome.ERROR, Outcome.TIMEOUT),
        signature=("OSError ENOSYS", "OSError EPERM"),
    )
    assert row.expectation == text


bad_outcomes = st.sampled_from([outcome for outcome in Outcome if not outcome.is_good])
names = st.sampled_from([f"test.test_os.{cls}.test_{letter}" for cls in "TU" for letter in "abc"])
ids = names | st.sampled_from(["test.test_os", "test.test_os.T.*", "setUpClass (test.test_os.U)"])
entries = st.builds(
    lambda outcome, run: entry("x", outcome=tuple(outcome), run=run),
    st.lists(bad_outcomes, min_size=1, unique=True),
    st.booleans(),
)
cell_expectations = st.dictionaries(ids, entries).map(CellExpectations)
modules = st.builds(
    lambda cases, outcome, complete: module(*cases, outcome=outcome, complete=complete),
    st.lists(
        st.builds(case, names | st.just("setUpClass (test.test_os.U)"), st.sampled_from(Outcome), ids),
        unique_by=lambda found: found.case,
    ),
    st.sampled_from(Outcome),
    st.booleans(),
)


@given(modules, cell_expectations)
def test_every_case_gets_one_verdict_and_known_is_only_what_is_listed(
    result: ModuleResult, expected: CellExpectations
) -> None:
    found = compare_module(result, expected)
    unseen = sum(row.case not in {judged.case for judged in judged_cases(result)} for row in found.rows)
    assert sum(found.counts.values()) == len(judged_cases(result)) + unseen
    assert len(found.rows) == sum(found.counts.values()) - found.counts.get(Verdict.AS_EXPECTED, 0)
    for row in found.rows:
        hit = expected.lookup(row.case)
        if row.verdict is Verdict.KNOWN:
            assert hit is not None
            assert row.outcome in hit.outcome or (row.outcome is Outcome.NOT_RUN and not hit.run)
        if row.verdict is Verdict.REGRESSION:
            assert hit is None
        if row.verdict is Verdict.MISSING:
            assert result.complete
            assert row.outcome is None


@given(modules, cell_expectations, st.randoms(use_true_random=False))
def test_the_order_of_cases_does_not_matter(
    result: ModuleResult, expected: CellExpectations, shuffler: random.Random
) -> None:
    cases = list(result.cases)
    shuffler.shuffle(cases)
    other = module(*cases, outcome=result.outcome, complete=result.complete)
    assert compare_module(result, expected) == compare_module(other, expected)


@given(modules)
def test_without_expectations_everything_that_went_wrong_is_reported(result: ModuleResult) -> None:
    found = compare_module(result, CellExpectations())
    bad = {judged.case for judged in judged_cases(result) if not judged.outcome.is_good}
    waited = {judged.case for judged in judged_cases(result) if judged.outcome is Outcome.NOT_RUN}
    reported = {row.case for row in found.unexpected}
    assert bad - waited <= reported <= bad
    assert len(bad) == len(reported) + found.followed


def test_cases_of_another_version_are_apart_with_what_they_have_left_behind() -> None:
    failed, passed = Outcome.FAIL, Outcome.PASS

    def tried(name: str, *tries: Outcome) -> CaseResult:
        return CaseResult(case=name, outcome=tries[0], tries=tries if len(tries) > 1 else ())

    new, fine = "test.test_os.T.test_new", "test.test_os.T.test_fine"
    result = module(
        tried(new, failed),
        tried("test.test_os.T.test_after", failed, passed, passed),
        tried("test.test_os.T.test_flaky", failed, failed, passed),
        tried("test.test_os.T.test_wrong", failed, failed, failed),
        tried(fine, passed),
    )
    elsewhere = module(tried("test.test_io.T.test_flaky", failed, passed, passed), name="test_io")
    apart = set_apart(compare([result, elsewhere], CellExpectations()), {new, fine})
    assert {row.case: row.verdict for row in apart.rows} == {
        new: Verdict.OTHER_VERSION,
        "test.test_os.T.test_after": Verdict.OTHER_VERSION,
        "test.test_os.T.test_flaky": Verdict.FLAKY,
        "test.test_os.T.test_wrong": Verdict.REGRESSION,
        "test.test_io.T.test_flaky": Verdict.FLAKY,
    }
    assert apart.counts == {
        Verdict.AS_EXPECTED: 1,
        Verdict.OTHER_VERSION: 2,
        Verdict.FLAKY: 2,
        Verdict.REGRESSION: 1,
    }
    assert [row.case for row in apart.unexpected] == [
        "test.test_io.T.test_flaky",
        "test.test_os.T.test_flaky",
        "test.test_os.T.test_wrong",
    ]
