"""The journal of one attempt, read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.outcomes import Outcome
from harness.suite.journal import clean_id, parse_events, read_attempt, settle, victims_of

A, B, C = "test.test_x.T.test_a", "test.test_x.T.test_b", "test.test_x.U.test_c"


def plan(*ids: str) -> dict[str, Any]:
    return {"e": "plan", "ids": list(ids)}


def start(case: str) -> dict[str, Any]:
    return {"e": "start", "id": case}


def end(case: str, *outcomes: str, **more: Any) -> dict[str, Any]:
    return {"e": "end", "id": case, "t": 0.5, "o": list(outcomes), "d": {}, "s": []} | more


def test_a_line_that_was_cut_off_by_a_crash_is_left_out() -> None:
    text = json.dumps(start(A)).encode() + b"\n" + b'{"e": "end", "id": "test.te'
    assert parse_events(text) == [start(A)]


@pytest.mark.parametrize("line", [b"\xff\xfe", b"[1]", b'{"x": 1}', b""])
def test_a_line_that_is_no_event_is_left_out(line: bytes) -> None:
    assert parse_events(line + b"\n" + json.dumps(start(A)).encode() + b"\n") == [start(A)]


def test_a_finished_journal_has_nothing_open() -> None:
    attempt = read_attempt([plan(A), start(A), end(A, "pass"), {"e": "module", "state": "passed"}])
    assert (attempt.planned, attempt.open_case, attempt.open_fixture) == ((A,), "", "")
    assert attempt.state == "passed"
    assert [(case.case, case.outcome, case.seconds) for case in attempt.cases] == [(A, Outcome.PASS, 0.5)]


def test_a_journal_that_ends_inside_a_case_names_it() -> None:
    attempt = read_attempt([plan(A, B), start(A), end(A, "pass"), start(B)])
    assert (attempt.open_case, attempt.last_case) == (B, A)


def test_a_journal_that_ends_inside_a_fixture_names_it_and_no_case() -> None:
    fixture = "setUpClass (test.test_x.U)"
    attempt = read_attempt([plan(A, C), start(A), end(A, "pass"), {"e": "fixture", "id": fixture}])
    assert (attempt.open_case, attempt.open_fixture) == ("", fixture)


def test_the_next_case_closes_a_fixture() -> None:
    attempt = read_attempt([plan(C), {"e": "fixture", "id": "setUpClass (test.test_x.U)"}, start(C)])
    assert (attempt.open_case, attempt.open_fixture) == (C, "")


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        (["pass"], Outcome.PASS),
        ([], Outcome.ERROR),
        (["skip"], Outcome.SKIP),
        (["fail", "error"], Outcome.ERROR),
        (["skip", "pass"], Outcome.PASS),
        (["expected-failure"], Outcome.EXPECTED_FAILURE),
        (["unexpected-success"], Outcome.UNEXPECTED_SUCCESS),
    ],
)
def test_the_worst_of_what_unittest_reported_is_the_outcome(outcomes: list[str], worst: Outcome) -> None:
    assert read_attempt([start(A), end(A, *outcomes)]).cases[0].outcome is worst


def test_a_failing_subtest_is_named_within_its_case() -> None:
    subtest = {"params": "(i=3)", "outcome": "fail", "detail": {"message": "3 != 4"}}
    case = read_attempt([start(A), end(A, "fail", s=[subtest])]).cases[0]
    assert case.outcome is Outcome.FAIL
    assert [(sub.params, sub.outcome, sub.detail.message) for sub in case.subtests] == [
        ("(i=3)", Outcome.FAIL, "3 != 4")
    ]


def test_two_cases_of_one_id_are_told_apart() -> None:
    attempt = read_attempt([start(A), end(A, "pass"), start(A), end(A, "fail")])
    assert [case.case for case in attempt.cases] == [A, f"{A}#2"]


def test_the_second_case_of_an_id_is_the_one_that_is_open() -> None:
    attempt = read_attempt([plan(A, A), start(A), end(A, "pass"), start(A)])
    assert (attempt.planned, attempt.open_case) == ((A, f"{A}#2"), f"{A}#2")


def test_an_id_stays_on_one_line() -> None:
    assert clean_id("test.test_x.T.test[\n\x1b]") == "test.test_x.T.test[??]"


def test_a_skipped_class_skips_its_cases_with_its_reason() -> None:
    outside = {"e": "outside", "id": "setUpClass (test.test_x.T)", "o": "skip", "d": {"reason": "no threads"}}
    attempt = read_attempt([plan(A, B, C), outside])
    settled = settle(attempt, {}, attempt.planned or ())
    assert {case: (result.outcome, result.detail.reason) for case, result in settled.items()} == {
        A: (Outcome.SKIP, "no threads"),
        B: (Outcome.SKIP, "no threads"),
    }


def test_a_failing_class_fixture_is_the_reason_why_its_cases_did_not_run() -> None:
    fixture = "setUpClass (test.test_x.T)"
    attempt = read_attempt([plan(A, C), {"e": "outside", "id": fixture, "o": "error", "d": {}}])
    settled = settle(attempt, {}, attempt.planned or ())
    assert [(case.case, case.outcome, case.detail.reason) for case in settled.values()] == [
        (A, Outcome.NOT_RUN, fixture)
    ]


def test_a_teardown_has_no_victims() -> None:
    assert victims_of("tearDownClass (test.test_x.T)", [A, B]) == ()
    assert victims_of("setUpModule (test.test_x)", [A, C, "test.test_xy.T.a"]) == (A, C)
