"""regrtest's JUnit against the harness's outcomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.oracle import differences, read_junit, render
from harness.outcomes import CaseResult, Detail, ModuleResult, Outcome

CASE = "test.test_x.T.test_a"
JUNIT = """<testsuites><testsuite>
<testcase name="a" status="run" result="completed" time="0.1" />
<testcase name="b"><failure type="AssertionError">x</failure></testcase>
<testcase name="c"><error type="OSError">x</error></testcase>
<testcase name="d"><skipped>why</skipped></testcase>
<testcase name="e"><system-out /><output>x</output></testcase>
<testcase name="f"><outcome>UNEXPECTED_SUCCESS</outcome></testcase>
<testcase />
</testsuite></testsuites>"""


def module(*cases: CaseResult) -> ModuleResult:
    return ModuleResult(module="test_x", outcome=Outcome.PASS, seconds=1, attempts=1, complete=True, cases=cases)


def test_regrtest_s_own_dialect_of_junit_is_understood(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text(JUNIT)
    assert read_junit(tmp_path / "x.xml") == {
        "a": Outcome.PASS,
        "b": Outcome.FAIL,
        "c": Outcome.ERROR,
        "d": Outcome.SKIP,
        "e": Outcome.EXPECTED_FAILURE,
        "f": Outcome.UNEXPECTED_SUCCESS,
    }


def test_cases_that_agree_and_cases_of_ours_alone_are_no_difference() -> None:
    ours = module(CaseResult(case=CASE, outcome=Outcome.PASS), CaseResult(case="more", outcome=Outcome.CRASH))
    assert differences({CASE: Outcome.PASS}, [ours]) == ()


@pytest.mark.parametrize("theirs", [Outcome.FAIL, Outcome.SKIP, Outcome.EXPECTED_FAILURE])
def test_another_outcome_is_an_unexplained_difference(theirs: Outcome) -> None:
    found = differences({CASE: theirs}, [module(CaseResult(case=CASE, outcome=Outcome.PASS))])
    assert [(difference.case, difference.theirs, difference.ours, difference.why) for difference in found] == [
        (CASE, theirs, Outcome.PASS, "")
    ]
    assert "UNEXPLAINED" in render("wasi", {CASE: theirs}, found)


def test_a_case_that_we_do_not_have_is_a_difference() -> None:
    assert differences({CASE: Outcome.PASS}, [module()])[0].ours is None


def test_a_skipped_subtest_in_the_place_of_its_case_is_explained() -> None:
    ours = module(CaseResult(case=CASE, outcome=Outcome.SKIP))
    assert "subtest" in differences({f"{CASE} (i=3)": Outcome.SKIP}, [ours])[0].why
    assert differences({f"{CASE}x (i=3)": Outcome.SKIP}, [ours])[0].why == ""
    assert differences({f"{CASE} (i=3)": Outcome.PASS}, [ours])[0].why == ""


@pytest.mark.parametrize(
    ("outcome", "detail", "explained"),
    [
        (Outcome.SKIP, Detail(reason="requires write access to the installed location"), True),
        (Outcome.SKIP, Detail(reason="requires threads"), False),
        (Outcome.ERROR, Detail(message="not permitted: '/tmp/x/../../etc'"), True),
        (Outcome.ERROR, Detail(message="not permitted: '/etc'"), False),
        (Outcome.CRASH, Detail(message="'/../'", reason="write"), False),
    ],
)
def test_what_the_mounts_explain_and_what_not(outcome: Outcome, detail: Detail, explained: bool) -> None:
    ours = module(CaseResult(case=CASE, outcome=outcome, detail=detail))
    assert bool(differences({CASE: Outcome.PASS}, [ours])[0].why) is explained


def test_the_last_line_counts() -> None:
    theirs = {CASE: Outcome.PASS, "b": Outcome.FAIL}
    found = differences(theirs, [module(CaseResult(case=CASE, outcome=Outcome.PASS))])
    assert render("wasi", theirs, found).splitlines()[-1] == (
        "wasi: 2 cases of regrtest's, 1 with the same outcome here, 0 explained differences, 1 unexplained"
    )
