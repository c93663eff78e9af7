"""What regrtest says of a module, and the patterns it is given."""

from __future__ import annotations

import dataclasses
import fnmatch
import io

import pytest

from harness.results.outcomes import CaseResult, Detail, Outcome
from harness.suite.regrtest import RegrtestReport, exact_pattern, fits, own_result, stack_in_order, trap_headline

PASSED = {"a": CaseResult(case="a", outcome=Outcome.PASS)}
FAILED = {"a": CaseResult(case="a", outcome=Outcome.FAIL)}


def word(state: str, output: str = "") -> RegrtestReport:
    return RegrtestReport(module="test_x", state=state, output=output)


def test_a_module_has_no_word_of_its_own_when_its_cases_say_it_all() -> None:
    assert own_result("test.test_x", word("passed"), PASSED) is None
    assert own_result("test.test_x", word("failed"), FAILED) is None
    assert own_result("test.test_x", word("skipped"), PASSED) is None


@pytest.mark.parametrize("state", ["failed", "refleak"])
@pytest.mark.parametrize("error_is_known", [False, True])
def test_a_failure_that_no_case_accounts_for_is_the_module_s_own(state: str, error_is_known: bool) -> None:
    given = dataclasses.replace(word(state), error_is_known=error_is_known)
    assert own_result("test.test_x", given, PASSED) == CaseResult(case="test.test_x", outcome=Outcome.FAIL)


@pytest.mark.parametrize(
    ("state", "filtered", "outcome", "reason"),
    [
        ("did_not_run", False, Outcome.NO_TESTS, "the module has no tests"),
        ("did_not_run", True, Outcome.SKIP, "no case matched"),
        ("interrupted", True, Outcome.ERROR, ""),
    ],
)
def test_a_module_may_have_cases_that_were_not_asked_for(
    state: str, filtered: bool, outcome: Outcome, reason: str
) -> None:
    given = dataclasses.replace(word(state), filtered=True) if filtered else word(state)
    own = CaseResult(case="test.test_x", outcome=outcome, detail=Detail(reason=reason))
    assert own_result("test.test_x", given, {}) == own


def test_an_exception_outside_any_case_counts_even_next_to_a_failing_case() -> None:
    found = own_result("test.test_x", word("uncaught_exc", "x\nsocket.gaierror\na.b.MyError: why\n"), FAILED)
    assert found is not None
    assert (found.outcome, found.detail.exception, found.detail.message) == (Outcome.ERROR, "MyError", "why")


@pytest.mark.parametrize(
    ("state", "statuses"),
    [
        ("passed", {0}),
        ("skipped", {0}),
        ("resource_denied", {0, 4}),
        ("did_not_run", {0, 4}),
        ("env_changed", {0, 3}),
        ("failed", {2}),
        ("uncaught_exc", {2}),
        ("refleak", {2}),
        ("interrupted", {130}),
        ("", set()),
    ],
)
def test_which_status_fits_which_word(state: str, statuses: set[int]) -> None:
    assert {status for status in range(-1, 260) if fits(state, status)} == statuses


def test_an_unknown_word_counts_as_bad() -> None:
    assert fits("worker_abducted", 0)
    found = own_result("test.test_x", word("worker_abducted"), PASSED)
    assert found is not None
    assert (found.outcome, "worker_abducted" in found.detail.message) == (Outcome.ERROR, True)


@pytest.mark.parametrize("state", ["uncaught_exc", "interrupted"])
def test_the_exception_that_ended_the_module_is_its_own_unless_a_case_has_it(state: str) -> None:
    error = Detail(exception="a.b.Odd", message="why")
    given = RegrtestReport(module="test_x", state=state, output="ValueError: printed", error=error)
    found = own_result("test.test_x", given, PASSED)
    assert found is not None
    assert (found.outcome, found.detail.exception, found.detail.message) == (Outcome.ERROR, "a.b.Odd", "why")
    assert own_result("test.test_x", dataclasses.replace(given, error_is_known=True), FAILED) is None


@pytest.mark.parametrize(
    ("printed", "exception"),
    [
        ("Exception: on purpose\n", "Exception"),
        ("a.b.Error\n", "Error"),
        ("ValueError: x\nException: errors while loading tests\n", "ValueError"),
    ],
)
def test_what_is_only_printed_has_an_exception_too(printed: str, exception: str) -> None:
    loading = Detail(exception="Exception", message="errors while loading tests") if "loading" in printed else Detail()
    given = RegrtestReport(module="test_x", state="uncaught_exc", output=printed, error=loading)
    found = own_result("test.test_x", given, {})
    assert found is not None
    assert found.detail.exception == exception


def test_errors_of_loading_that_were_not_printed_keep_what_is_known() -> None:
    error = Detail(exception="Exception", message="errors while loading tests")
    found = own_result("test.test_x", RegrtestReport(module="test_x", state="uncaught_exc", output="", error=error), {})
    assert found is not None
    assert found.detail.exception == "Exception"


@pytest.mark.parametrize(
    "case",
    [
        *("a.T.test_x", "a.T.test_x ", " a.T.test_x", "a.T.test#2", "a.T.test?", "a.T.test*", "a.T.test[1]", "word"),
        *("a.T.test[!x]", "a.T.test]", "a.T.test\n", "a.T.test\r", "a.T.test\x1b", "a.T.test\ud800", "a.T.test\udfff"),
        *("a.T.test\\d", "", "a.T.test-&&~~||^", "\t", "a.T.té", "setUpClass (a.T)", "a.T.test\u3000"),
    ],
)
def test_an_id_of_any_kind_becomes_a_pattern_on_one_line_that_matches_it_alone(case: str) -> None:
    pattern = exact_pattern(case)
    # regrtest reads a file as UTF-8, strips its lines and uses fnmatch.
    (read,) = io.StringIO(f"{pattern}\n".encode().decode(), newline=None).readlines()
    assert read.strip() == pattern
    others = (f"{case}x", f"x{case}", case[:-1], case.replace("x", "y"), f"{case} ", case.strip() + "1", "a.T.test1")
    assert fnmatch.fnmatchcase(case, pattern)
    assert not [other for other in others if other != case and fnmatch.fnmatchcase(other, pattern)]


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


@pytest.mark.parametrize(
    ("reason", "headline"),
    [
        (
            "error while executing\n\nCaused by:\n    wasm trap: indirect call to null",
            "wasm trap: indirect call to null",
        ),
        ("error while executing at wasm backtrace:\n  0: f\n\nCaused by:\n  something new", "something new"),
        (
            "\n  \nRangeError: Maximum call stack size exceeded\n  at x",
            "RangeError: Maximum call stack size exceeded",
        ),
        (
            "error while executing\n\nCaused by:\n    0: memory fault at wasm address 0xff\n    1: wasm trap: x",
            "0: memory fault at wasm address 0xff",
        ),
        ("Caused by:\n    wasm trap: unreachable\n    note: see the documents", "wasm trap: unreachable"),
        ("error while executing\n\nCaused by:\n    0: the first\n    1: the second\n\n", "1: the second"),
        ("error while executing\n\nCaused by:\n", "error while executing"),
        ("x" * 300, "x" * 200),
        ("", ""),
    ],
)
def test_the_headline_of_a_trap(reason: str, headline: str) -> None:
    assert trap_headline(reason) == headline


FRAMES = """Stack (most recent call first):
  File "/Lib/json/encoder.py", line 262 in _iterencode
  File "/Lib/unittest/case.py", line ??? in run
  File "<harness agent>", line 480 in run
  File "<string>", line 1 in <module>
"""


def test_a_stack_is_shown_as_a_traceback_is_without_the_frames_of_the_harness() -> None:
    assert stack_in_order(FRAMES).splitlines() == [
        "Stack (most recent call last):",
        '  File "<string>", line 1 in <module>',
        '  File "/Lib/unittest/case.py", line ??? in run',
        '  File "/Lib/json/encoder.py", line 262 in _iterencode',
    ]


def test_a_stack_with_some_overwritten_words_is_read() -> None:
    printed = 'Stack (most recent call first):\n  File "/t.py", line 713\x00in check\n  File\x01"/t.py", line 8 in t\n'
    assert stack_in_order(printed).splitlines()[1:] == [
        '  File "/t.py", line 8 in t',
        '  File "/t.py", line 713 in check',
    ]


@pytest.mark.parametrize("printed", ["", "Stack (most recent call first):\n", "  <no Python frame>\n", "\x00\x01"])
def test_a_stack_is_empty_when_nothing_of_it_can_be_read(printed: str) -> None:
    assert stack_in_order(printed) == ""


def test_the_exception_that_ends_a_module_comes_with_its_own_traceback() -> None:
    """It does not come with the summary of regrtest, which is printed after it; older results have only that."""
    for traceback, shown in (("line 2, in <module>", "line 2, in <module>"), ("", "== Tests result: FAILURE ==")):
        error = Detail(exception="ImportError", message="no _ssl", traceback=traceback)
        said = RegrtestReport(module="test_x", state="uncaught_exc", output="== Tests result: FAILURE ==", error=error)
        found = own_result("test.test_x", said, {})
        assert found is not None
        assert (found.detail.exception, found.detail.traceback) == ("ImportError", shown)
