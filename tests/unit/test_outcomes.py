"""Outcomes and how they are written down."""

from __future__ import annotations

import json

import pytest

from harness.outcomes import CaseResult, Detail, ModuleResult, Outcome, SubtestResult, worst

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
