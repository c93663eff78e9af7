"""The journal of one attempt, read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.results.outcomes import CaseResult, Detail, Outcome
from harness.suite.journal import (
    NO_OUTCOME,
    Names,
    clean_id,
    parse_events,
    read_attempt,
    settle,
    victims_of,
)

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


def lines(*events: object) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


@pytest.mark.parametrize(
    "line",
    [
        *(b"\xff\xfe", b"[1]", b'{"x": 1}', b"", b"1", b"null", b'"start"', b"[" * 100_000, b'{"e": NaN}'),
        *(b'{"e": []}', b'{"e": {}}', b'{"e": 1}', b'{"e": "other"}', b'{"e": null}', b"1" * 5000),
    ],
)
def test_a_line_that_is_not_an_event_is_left_out(line: bytes) -> None:
    assert parse_events(line + b"\n" + lines(start(A))) == [start(A)]


_NOT_TEXT: tuple[object, ...] = (None, 1, [], {}, True)
_NOT_DETAIL: tuple[object, ...] = (None, "x", [], {"reason": 1}, {"other": "x"})
_SUBTEST = {"params": "(i=1)", "outcome": "fail", "detail": {}}


@pytest.mark.parametrize(
    ("event", "name", "values"),
    [
        ({"e": "plan", "ids": [A]}, "ids", (None, A, {}, [1], [None])),
        ({"e": "start", "id": A}, "id", _NOT_TEXT),
        ({"e": "fixture", "id": A}, "id", _NOT_TEXT),
        ({"e": "outside", "id": A, "o": "error", "d": {}}, "id", _NOT_TEXT),
        ({"e": "outside", "id": A, "o": "error", "d": {}}, "o", (*_NOT_TEXT, "worse", "crash", "not-run", "PASS")),
        ({"e": "outside", "id": A, "o": "error", "d": {}}, "d", _NOT_DETAIL),
        ({"e": "module", "state": "passed"}, "state", _NOT_TEXT),
        (end(A, "pass"), "id", _NOT_TEXT),
        (end(A, "pass"), "t", (None, "1", -1, True, float("nan"), float("inf"), 1e10, 10**400, [])),
        (end(A, "pass"), "o", (None, "pass", ["passed"], [1], [["pass"]], ["timeout"], {})),
        (end(A, "pass"), "d", _NOT_DETAIL),
        (end(A, "pass"), "s", (None, {}, [1], [{}], *([_SUBTEST | {key: 1}] for key in _SUBTEST))),
    ],
)
def test_an_event_without_what_belongs_to_it_costs_its_own_line(
    event: dict[str, Any], name: str, values: tuple[object, ...]
) -> None:
    assert parse_events(lines(event)) == [event]
    without = {key: value for key, value in event.items() if key != name}
    damaged = [without, *(event | {name: value} for value in values)]
    assert parse_events(lines(*damaged, start(B))) == [start(B)]
    assert read_attempt(parse_events(lines(plan(A), *damaged, start(B)))).open_case == B


def test_an_event_may_hold_all_that_there_is_of_it() -> None:
    detail = dict.fromkeys(Detail.__struct_fields__, "x")
    event = end(A, "fail", "skip", t=0, d=detail, s=[_SUBTEST | {"detail": detail}, _SUBTEST])
    assert parse_events(lines(event)) == [event]


def test_a_forged_end_of_another_case_does_not_close_the_open_one() -> None:
    attempt = read_attempt([plan(A, B), start(A), end("x", "pass")])
    assert (attempt.open_case, [case.case for case in attempt.cases]) == (A, ["x"])


def test_half_a_surrogate_pair_is_escaped_in_every_text() -> None:
    odd, detail = "\udc80", {"message": "m \udc80", "traceback": "\ud800", "exception": "\udc81"}
    subtest = {"params": f"(x={odd})", "outcome": "fail", "detail": {"reason": odd}}
    events = [
        {"e": "fixture", "id": f"setUpClass ({odd})"},
        {"e": "outside", "id": f"tearDownClass ({odd})", "o": "error", "d": detail},
        {"e": "end", "id": f"a.T.test_{odd}", "t": 1, "o": ["fail"], "d": detail, "s": [subtest]},
        {"e": "module", "state": odd, "d": detail},
    ]
    outside, case = (attempt := read_attempt(parse_events(lines(*events)))).cases
    case.detail.message.encode()
    assert (case.case, case.id, case.unittest_id) == ("a.T.test_?", f"a.T.test_{odd}", f"a.T.test_{odd}")
    assert (case.detail.message, case.detail.exception) == ("m \\udc80", "\\udc81")
    assert (case.subtests[0].params, case.subtests[0].detail.reason) == ("(x=?)", "\\udc80")
    assert (outside.case, outside.detail.traceback, attempt.state) == ("tearDownClass (?)", "\\ud800", "?")
    assert attempt.error.message == "m \\udc80"


def test_a_finished_journal_has_nothing_open() -> None:
    attempt = read_attempt([plan(A), start(A), end(A, "pass"), {"e": "module", "state": "passed"}])
    assert (attempt.planned, attempt.open_case, attempt.open_fixture) == ((A,), "", "")
    assert attempt.state == "passed"
    assert attempt.cases == (CaseResult(case=A, outcome=Outcome.PASS, seconds=0.5),)


def test_what_is_planned_in_two_parts_is_planned() -> None:
    assert read_attempt([plan(A), plan(B, A)]).planned == (A, B, f"{A}#2")


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
    (case,) = read_attempt(parse_events(lines(start(A), end(A, *outcomes)))).cases
    assert case.outcome is worst


def test_a_failing_subtest_is_named_within_its_case() -> None:
    subtest = {"params": "(i=3)", "outcome": "fail", "detail": {"message": "3 != 4"}}
    case = read_attempt([start(A), end(A, "fail", s=[subtest])]).cases[0]
    assert case.outcome is Outcome.FAIL
    assert [(sub.params, sub.outcome, sub.detail.message) for sub in case.subtests] == [
        ("(i=3)", Outcome.FAIL, "3 != 4")
    ]


def test_two_cases_of_one_id_are_kept_apart() -> None:
    attempt = read_attempt([start(A), end(A, "pass"), start(A), end(A, "fail")])
    assert [case.case for case in attempt.cases] == [A, f"{A}#2"]


def test_the_second_case_of_an_id_is_the_one_that_is_open() -> None:
    attempt = read_attempt([plan(A, A), start(A), end(A, "pass"), start(A)])
    assert (attempt.planned, attempt.open_case) == ((A, f"{A}#2"), f"{A}#2")


def test_a_case_without_outcome_has_the_reason_that_there_is() -> None:
    (case,) = read_attempt([start(A), end(A)]).cases
    assert (case.outcome, case.detail.exception, case.detail.message) == (Outcome.ERROR, "", NO_OUTCOME)


@pytest.mark.parametrize(
    ("ids", "names"),
    [
        (["T.a#2", "T.a"], ["T.a#2", "T.a"]),
        (["T.a", "T.a#2", "T.a"], ["T.a", "T.a#2", "T.a#3"]),
        (["T.a", "T.a", "T.a#2"], ["T.a", "T.a#3", "T.a#2"]),
        (["T.a\n", "T.a\x1b", "T.a?"], ["T.a?", "T.a?#2", "T.a?#3"]),
        (["m", "m", "m.T.a"], ["m.__doc__", "m.__doc__#2", "m.T.a"]),
        (["setUpClass (m.T)", "after (m.T.a)"], ["setUpClass (m.T)#1", "after (m.T.a)#1"]),
        (["T.a ", "T.a"], ["T.a ", "T.a"]),
        ([""], [""]),
    ],
)
def test_every_case_has_a_name_of_its_own_and_its_id_behind_it(ids: list[str], names: list[str]) -> None:
    known = Names({"m"})
    attempt = read_attempt([plan(*ids), *(event for case in ids for event in (start(case), end(case, "pass")))], known)
    assert attempt.planned == tuple(names)
    assert [case.case for case in attempt.cases] == names
    assert [case.unittest_id for case in attempt.cases] == ids
    assert [known.id_of(name) for name in names] == ids


def test_a_name_that_no_case_has_had_has_an_id_all_the_same() -> None:
    names = ("m.__doc__", "m.T.__doc__", "m.T.a")
    assert [Names({"m"}).id_of(name) for name in names] == ["m", "m.T.__doc__", "m.T.a"]
    assert Names().of("m.T.a", 2) == "m.T.a#2"


def test_names_stay_when_only_a_part_is_left() -> None:
    known = Names()
    read_attempt([plan("T.a", "T.a#2", "T.a"), start("T.a"), end("T.a", "pass"), start("T.a#2")], known)
    attempt = read_attempt([plan("T.a", "T.a"), start("T.a"), end("T.a", "pass"), start("T.a")], known)
    assert (attempt.planned, attempt.open_case) == (("T.a", "T.a#3"), "T.a#3")


def test_a_fixture_keeps_its_name_next_to_a_case_of_that_name() -> None:
    fixture = "setUpClass (m.T)"
    outside = {"e": "outside", "id": fixture, "o": "error", "d": {}}
    attempt = read_attempt([plan(fixture, "m.T.a"), start(fixture), end(fixture, "fail"), outside, outside])
    assert [case.case for case in attempt.cases] == [f"{fixture}#1", fixture, f"{fixture}#2"]
    assert settle(read_attempt([plan(fixture, "m.T.a"), start(fixture), end(fixture, "fail")]), {}, ["m.T.a"]) == {}


def test_what_is_reported_outside_of_its_case_is_that_case_s() -> None:
    attempt = read_attempt([plan(A, A), {"e": "outside", "id": A, "o": "skip", "d": {"reason": "no"}}, start(A)])
    assert attempt.cases == (CaseResult(case=A, outcome=Outcome.SKIP, detail=Detail(reason="no")),)
    assert attempt.open_case == f"{A}#2"


def test_the_word_on_the_module_comes_with_the_exception_that_ended_it() -> None:
    word = {"e": "module", "state": "uncaught_exc", "d": {"exception": "Odd", "message": "why"}, "known": True}
    attempt = read_attempt(parse_events(lines(word)))
    assert (attempt.error.exception, attempt.error.message, attempt.error_is_known) == ("Odd", "why", True)
    damaged = read_attempt(parse_events(lines(word | {"d": {"other": 1}, "known": 1})))
    assert (damaged.state, damaged.error.exception, damaged.error_is_known) == ("uncaught_exc", "", False)


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


def test_a_case_keeps_what_it_has_and_what_the_first_fixture_made_of_it() -> None:
    first, second = "setUpClass (test.test_x.T)", "setUpModule (test.test_x)"
    attempt = read_attempt([{"e": "outside", "id": fixture, "o": "error", "d": {}} for fixture in (first, second)])
    settled = settle(attempt, {A: CaseResult(case=A, outcome=Outcome.PASS)}, (A, B, C))
    assert {name: case.detail.reason for name, case in settled.items()} == {B: first, C: second}


def test_no_case_is_prevented_by_a_teardown() -> None:
    assert victims_of("tearDownClass (test.test_x.T)", [A, B]) == ()
    assert victims_of("setUpModule (test.test_x)", [A, C, "test.test_xy.T.a"]) == (A, C)
