"""What regrtest says of a module, and the patterns it is given."""

from __future__ import annotations

import fnmatch

import pytest

from harness.outcomes import CaseResult, Detail, Outcome
from harness.suite.regrtest import RegrtestWord, exact_pattern, namesakes, own_result, trap_headline

PASSED = {"a": CaseResult(case="a", outcome=Outcome.PASS)}
FAILED = {"a": CaseResult(case="a", outcome=Outcome.FAIL)}


def word(state: str, output: str = "") -> RegrtestWord:
    return RegrtestWord(module="test_x", state=state, output=output)


def test_a_module_whose_cases_say_it_all_has_no_word_of_its_own() -> None:
    assert own_result("test.test_x", word("passed"), PASSED) is None
    assert own_result("test.test_x", word("failed"), FAILED) is None
    assert own_result("test.test_x", word("skipped"), PASSED) is None


def test_a_failure_that_no_case_accounts_for_is_the_module_s_own() -> None:
    assert own_result("test.test_x", word("failed"), PASSED) == CaseResult(
        case="test.test_x", outcome=Outcome.FAIL, detail=Detail()
    )


def test_an_exception_outside_any_case_counts_even_beside_a_failing_one() -> None:
    found = own_result("test.test_x", word("uncaught_exc", "x\nsocket.gaierror\na.b.MyError: why\n"), FAILED)
    assert found is not None
    assert (found.outcome, found.detail.exception, found.detail.message) == (Outcome.ERROR, "MyError", "why")


@pytest.mark.parametrize(
    ("case", "other"),
    [
        ("a.T.test_x", "a.T.test_xy"),
        ("a.b.test[1]", "a.b.test1"),
        ("a.b.test*", "a.b.test_x"),
        ("f.<locals>.T", "f.locals.T"),
    ],
)
def test_an_id_becomes_a_pattern_that_matches_it_alone(case: str, other: str) -> None:
    assert fnmatch.fnmatchcase(case, exact_pattern(case))
    assert not fnmatch.fnmatchcase(other, exact_pattern(case))


def test_the_second_case_of_an_id_goes_by_the_id() -> None:
    assert exact_pattern("a.T.test_x#2") == "a.T.test_x"
    assert exact_pattern("a.T.test_#tag") == "a.T.test_#tag"


@pytest.mark.parametrize(
    ("reason", "headline"),
    [
        (
            "error while executing\n\nCaused by:\n    wasm trap: indirect call to null",
            "wasm trap: indirect call to null",
        ),
        (
            "RangeError: Maximum call stack size exceeded\n  at x",
            "RangeError: Maximum call stack size exceeded",
        ),
        ("", ""),
    ],
)
def test_the_headline_of_a_trap(reason: str, headline: str) -> None:
    assert trap_headline(reason) == headline


@pytest.mark.parametrize(
    ("match", "patterns"),
    [
        (("json",), ("json.*", "*.json", "*.json.*")),
        (("test.test_os.T.test_a",), ()),
        (("ieee*",), ()),
        (("json", "func"), ()),
        ((), ()),
    ],
)
def test_an_id_without_a_dot_is_not_a_part_of_another(match: tuple[str, ...], patterns: tuple[str, ...]) -> None:
    assert namesakes(match) == patterns
