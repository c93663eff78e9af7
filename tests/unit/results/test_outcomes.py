"""Outcomes and how they are written down."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from harness.results.outcomes import (
    CaseResult,
    Detail,
    ModuleResult,
    Outcome,
    SubtestResult,
    decode_module,
    encode_module,
    worst,
)

FULL = ModuleResult(
    module="test.test_asyncio.test_tasks",
    outcome=Outcome.CRASH,
    seconds=12.34567,
    attempts=3,
    complete=False,
    cases=(
        CaseResult(case="test.test_asyncio.test_tasks.T.test_a", outcome=Outcome.PASS, seconds=0.12345678),
        CaseResult(
            case="test.test_asyncio.test_tasks.T.test_b",
            id="test.test_asyncio.test_tasks.T.test_b ",
            outcome=Outcome.FAIL,
            detail=Detail(exception="AssertionError", message="1 != 2", traceback="Traceback"),
            subtests=(SubtestResult(params="(i=1)", outcome=Outcome.FAIL, detail=Detail(message="no")),),
        ),
    ),
    env_changed=True,
    env_tries=(True, False),
    detail=Detail(reason="why"),
    output="wasm trap",
    word="passed",
    exit_status=7,
)


def test_good_outcomes_are_those_that_need_no_expectation() -> None:
    assert {outcome.value for outcome in Outcome if outcome.is_good} == {
        "pass",
        "skip",
        "no-tests",
        "expected-failure",
    }


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], Outcome.NOT_RUN),
        ([Outcome.SKIP, Outcome.PASS], Outcome.PASS),
        ([Outcome.SKIP, Outcome.SKIP], Outcome.SKIP),
        ([Outcome.FAIL, Outcome.PASS, Outcome.ERROR], Outcome.ERROR),
        ([Outcome.CRASH, Outcome.TIMEOUT, Outcome.NOT_RUN], Outcome.CRASH),
    ],
)
def test_the_worst_outcome_stands_for_all(outcomes: list[Outcome], expected: Outcome) -> None:
    assert worst(outcomes) is expected


def test_every_outcome_has_a_rank_and_a_bad_one_outranks_every_good_one() -> None:
    assert len({outcome.severity for outcome in Outcome}) == len(Outcome)
    good = max(outcome.severity for outcome in Outcome if outcome.is_good)
    assert all(outcome.severity > good for outcome in Outcome if not outcome.is_good)


def test_a_module_survives_json() -> None:
    restored = decode_module(FULL.module, encode_module(FULL))
    assert encode_module(restored) == encode_module(FULL)
    assert restored.cases[1] == FULL.cases[1]
    assert (restored.cases[1].unittest_id, restored.cases[0].id) == ("test.test_asyncio.test_tasks.T.test_b ", "")
    assert (restored.word, restored.exit_status) == ("passed", 7)
    assert (restored.env_changed, restored.detail, restored.output) == (
        True,
        Detail(reason="why"),
        "wasm trap",
    )


def written(result: ModuleResult) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(encode_module(result))
    return data


def test_what_says_nothing_is_left_out() -> None:
    quiet = CaseResult(case="test.test_json.T.test_a", outcome=Outcome.PASS, seconds=0.12345678)
    module = ModuleResult(
        module="test_json", outcome=Outcome.PASS, seconds=1, attempts=1, complete=True, cases=(quiet,)
    )
    assert written(module)["cases"] == {quiet.case: {"outcome": "pass", "seconds": 0.1235}}
    assert written(module).keys() == {"outcome", "seconds", "attempts", "complete", "cases"}
    assert decode_module("test_json", encode_module(module)).detail == Detail()


def test_results_without_word_and_status_are_read_as_before() -> None:
    data = {key: value for key, value in written(FULL).items() if key not in {"word", "exit_status"}}
    restored = decode_module(FULL.module, json.dumps(data))
    assert (restored.word, restored.exit_status) == ("", None)
    zero = decode_module("test_x", json.dumps(data | {"exit_status": 0}))
    assert written(zero)["exit_status"] == 0


def test_counts_are_by_outcome() -> None:
    assert FULL.counts() == {Outcome.PASS: 1, Outcome.FAIL: 1}


def test_the_json_of_a_module_has_the_documented_keys() -> None:
    again = CaseResult(case="test.test_os.T.test_c", outcome=Outcome.PASS, tries=(Outcome.ERROR, Outcome.PASS))
    assert written(msgspec.structs.replace(FULL, cases=(FULL.cases[1], again))) == {
        "outcome": "crash",
        "seconds": 12.346,
        "attempts": 3,
        "complete": False,
        "cases": {
            "test.test_asyncio.test_tasks.T.test_b": {
                "outcome": "fail",
                "seconds": 0.0,
                "detail": {"exception": "AssertionError", "message": "1 != 2", "traceback": "Traceback"},
                "subtests": [{"params": "(i=1)", "outcome": "fail", "detail": {"message": "no"}}],
                "id": "test.test_asyncio.test_tasks.T.test_b ",
            },
            "test.test_os.T.test_c": {"outcome": "pass", "seconds": 0.0, "tries": ["error", "pass"]},
        },
        "env_changed": True,
        "detail": {"reason": "why"},
        "output": "wasm trap",
        "word": "passed",
        "exit_status": 7,
        "env_tries": [True, False],
    }


@pytest.mark.parametrize(
    ("tries", "changed"),
    [
        ((), False),
        ((Outcome.FAIL, Outcome.FAIL), False),
        ((Outcome.FAIL, Outcome.PASS), True),
        ((Outcome.PASS, Outcome.FAIL, Outcome.PASS), True),
    ],
)
def test_a_case_changed_its_outcome_when_its_runs_differ(tries: tuple[Outcome, ...], changed: bool) -> None:
    assert CaseResult(case="test.test_os.T.test_a", outcome=Outcome.PASS, tries=tries).is_inconsistent is changed


def test_a_case_without_a_message_has_that_of_its_first_bad_subtest() -> None:
    subtests = (
        SubtestResult(params="(i=0)", outcome=Outcome.SKIP, detail=Detail(reason="not here")),
        SubtestResult(params="(i=1)", outcome=Outcome.ERROR, detail=Detail(message="first")),
        SubtestResult(params="(i=2)", outcome=Outcome.FAIL, detail=Detail(message="second")),
    )
    silent = CaseResult(case="test.test_os.T.test_a", outcome=Outcome.ERROR, subtests=subtests)
    assert silent.shown_detail == Detail(message="first")
    speaking = msgspec.structs.replace(silent, detail=Detail(message="its own"))
    assert speaking.shown_detail == Detail(message="its own")
    assert msgspec.structs.replace(silent, subtests=subtests[:1]).shown_detail == Detail()
