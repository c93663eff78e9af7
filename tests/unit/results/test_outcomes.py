"""Outcomes and how they are written down."""

from __future__ import annotations

import dataclasses
import json

import pytest

from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, SubtestResult, worst

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
def test_the_worst_outcome_speaks_for_all(outcomes: list[Outcome], expected: Outcome) -> None:
    assert worst(outcomes) is expected


def test_every_outcome_has_a_rank_and_a_bad_one_outranks_every_good_one() -> None:
    assert len({outcome.severity for outcome in Outcome}) == len(Outcome)
    good = max(outcome.severity for outcome in Outcome if outcome.is_good)
    assert all(outcome.severity > good for outcome in Outcome if not outcome.is_good)


def test_a_module_survives_json() -> None:
    data = json.loads(json.dumps(FULL.to_json()))
    restored = ModuleResult.from_json(FULL.module, data)
    assert restored.to_json() == FULL.to_json()
    assert restored.cases[1] == FULL.cases[1]
    assert (restored.cases[1].unittest_id, restored.cases[0].id) == ("test.test_asyncio.test_tasks.T.test_b ", "")
    assert (restored.word, restored.exit_status) == ("passed", 7)
    assert (restored.env_changed, restored.detail, restored.output) == (
        True,
        Detail(reason="why"),
        "wasm trap",
    )


def test_what_says_nothing_is_left_out() -> None:
    quiet = CaseResult(case="test.test_json.T.test_a", outcome=Outcome.PASS, seconds=0.12345678)
    assert quiet.to_json() == {"outcome": "pass", "seconds": 0.1235}
    module = ModuleResult(
        module="test_json", outcome=Outcome.PASS, seconds=1, attempts=1, complete=True, cases=(quiet,)
    )
    assert module.to_json().keys() == {"outcome", "seconds", "attempts", "complete", "cases"}
    assert ModuleResult.from_json("test_json", module.to_json()).detail == Detail()


def test_results_without_word_and_status_are_read_as_before() -> None:
    data = {key: value for key, value in FULL.to_json().items() if key not in {"word", "exit_status"}}
    restored = ModuleResult.from_json(FULL.module, data)
    assert (restored.word, restored.exit_status) == ("", None)
    assert ModuleResult.from_json("test_x", data | {"exit_status": 0}).to_json()["exit_status"] == 0


def test_counts_are_by_outcome() -> None:
    assert FULL.counts() == {Outcome.PASS: 1, Outcome.FAIL: 1}


def test_the_json_of_a_module_has_the_documented_keys() -> None:
    again = CaseResult(case="test.test_os.T.test_c", outcome=Outcome.PASS, tries=(Outcome.ERROR, Outcome.PASS))
    assert dataclasses.replace(FULL, cases=(FULL.cases[1], again)).to_json() == {
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
    assert CaseResult.from_json(again.case, again.to_json()) == again


@pytest.mark.parametrize(
    ("tries", "changed"),
    [
        ((), False),
        ((Outcome.FAIL, Outcome.FAIL), False),
        ((Outcome.FAIL, Outcome.PASS), True),
        ((Outcome.PASS, Outcome.FAIL, Outcome.PASS), True),
    ],
)
def test_a_case_changed_its_mind_when_its_runs_differ(tries: tuple[Outcome, ...], changed: bool) -> None:
    assert CaseResult(case="test.test_os.T.test_a", outcome=Outcome.PASS, tries=tries).changed_its_mind is changed


def test_the_first_bad_subtest_speaks_for_a_case_that_says_nothing_itself() -> None:
    subtests = (
        SubtestResult(params="(i=0)", outcome=Outcome.SKIP, detail=Detail(reason="not here")),
        SubtestResult(params="(i=1)", outcome=Outcome.ERROR, detail=Detail(message="first")),
        SubtestResult(params="(i=2)", outcome=Outcome.FAIL, detail=Detail(message="second")),
    )
    silent = CaseResult(case="test.test_os.T.test_a", outcome=Outcome.ERROR, subtests=subtests)
    assert silent.telling == Detail(message="first")
    speaking = dataclasses.replace(silent, detail=Detail(message="its own"))
    assert speaking.telling == Detail(message="its own")
    assert dataclasses.replace(silent, subtests=subtests[:1]).telling == Detail()
