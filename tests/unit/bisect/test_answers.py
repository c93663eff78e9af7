"""What a step has seen, and what that says."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from harness.bisect.answers import BisectStep, check_end, check_ends, judge_step, outcome_of
from harness.bisect.search import Judgement
from harness.errors import BuildError, ConfigError, HarnessError, UnavailableError
from harness.results.outcomes import CaseResult, Outcome
from harness.suite.unseen import NO_SUCH_CASE
from tests.unit.sample_results import case, module, results

CASE = "test.test_os.StatTests.test_stat"


def step(outcome: str = "", *tries: str, **rest: object) -> BisectStep:
    return dataclasses.replace(BisectStep(candidate="50.0.1", outcome=outcome, tries=tries), **rest)  # type: ignore[arg-type]


def test_the_outcome_of_the_case_is_taken_with_its_tries() -> None:
    found = case("test_os.StatTests.test_stat", Outcome.FAIL)
    found = msgspec.structs.replace(found, tries=(Outcome.FAIL, Outcome.PASS))
    seen = outcome_of(results(module("test_os", case("test_os.StatTests.test_other"), found)), CASE)
    assert seen == ("fail", ("fail", "pass"))


def test_a_case_that_did_not_run_has_the_outcome_of_its_module() -> None:
    assert outcome_of(results(module("test_os", outcome=Outcome.CRASH)), CASE) == ("crash", ())
    assert (
        outcome_of(results(module("test_os", outcome=Outcome.SKIP, reason="No module named 'os'")), CASE)[0] == "skip"
    )


def test_a_whole_module_can_be_asked_for() -> None:
    assert outcome_of(results(module("test_os", case("test_os.A.b", Outcome.FAIL))), "test.test_os") == ("fail", ())


def test_a_case_that_the_suite_does_not_have_has_no_outcome() -> None:
    absent = module("test_os", outcome=Outcome.SKIP, reason=NO_SUCH_CASE)
    assert outcome_of(results(absent), CASE) == ("", ())
    assert outcome_of(results(module("test_osx", case("test_osx.A.b"))), CASE) == ("", ())


def test_a_case_may_be_named_with_its_module_or_escaped() -> None:
    found = results(module("test_math", CaseResult(case="ieee754_txt", outcome=Outcome.FAIL)))
    assert outcome_of(found, "test_math::ieee754_txt") == ("fail", ())
    assert (
        outcome_of(results(module("test_x", case("test_x.T.test_*", Outcome.FAIL))), "test.test_x.T.test_[*]")[0]
        == "fail"
    )
    assert outcome_of(results(module("test_x", outcome=Outcome.SKIP)), "test_x::func")[0] == "skip"


@pytest.mark.parametrize(
    ("seen", "changed", "answer"),
    [
        (step("pass"), False, Judgement.GOOD),
        (step("fail"), False, Judgement.BAD),
        (step("crash"), False, Judgement.SKIP),
        (step("crash"), True, Judgement.BAD),
        (step("fail", "fail", "pass"), False, Judgement.SKIP),
        (step("fail", "fail", "pass"), True, Judgement.SKIP),
        (step("fail", "fail", "fail"), False, Judgement.BAD),
        (step(why="not built", status=4), True, Judgement.SKIP),
    ],
)
def test_only_what_an_end_does_is_an_answer(seen: BisectStep, changed: bool, answer: Judgement) -> None:
    assert judge_step(seen, good="pass", bad="fail", changed=changed) is answer


def test_what_a_step_saw_is_said_in_a_few_words() -> None:
    assert step("pass", "pass", "pass").seen == "pass"
    assert step("pass", "pass", "fail").seen == "flaky: pass, fail"
    assert step(why="no such version:\n  pip: no").seen == "cannot tell: no such version"


def test_only_what_is_not_available_now_is_tried_again() -> None:
    assert step("pass").is_final
    assert step(why="x", status=4).is_final
    assert not step(why="x", status=3).is_final


@pytest.mark.parametrize(
    ("seen", "kind", "words"),
    [
        (step(why="no network\n  -> check it", status=3), UnavailableError, "the good end, 50.0.1, no network"),
        (step(why="make failed", status=4), BuildError, "make failed"),
        (step(why="the suite has no case x"), ConfigError, "has no case x"),
        (step("pass", "pass", "fail"), ConfigError, "flaky: pass, fail"),
    ],
)
def test_an_end_without_an_answer_ends_the_bisection(seen: BisectStep, kind: type[HarnessError], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        check_end(seen, "good")
    assert "check it" not in caught.value.message
    assert "choose another --good" in caught.value.hint


def test_ends_that_do_the_same_cannot_be_bisected() -> None:
    with pytest.raises(ConfigError, match="both ends do the same, pass"):
        check_ends(step("pass"), step("pass", candidate="49.0.0"))


def test_ends_that_were_confused_are_reported_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"the good end, 50\.0\.1, is fail") as caught:
        check_ends(step("fail"), step("pass", candidate="49.0.0"))
    assert "--good 49.0.0 --bad 50.0.1" in caught.value.hint


def test_two_bad_outcomes_that_differ_can_be_bisected() -> None:
    check_ends(step("fail"), step("crash"))
    check_ends(step("pass"), step("skip"))


def test_a_step_is_read_as_it_was_written() -> None:
    seen = step("fail", "fail", "pass", seconds=2.5, command="python -m harness test wasi")
    assert BisectStep.from_json(seen.to_json() | {"tries": ["fail", "pass"]}) == seen
