"""regrtest's JUnit against the harness's outcomes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from harness.build import Build
from harness.errors import ConfigError
from harness.expectations import CellExpectations
from harness.oracle import Answer, ask_regrtest, differences, fatal_cases, render, results_of
from harness.outcomes import CaseResult, Detail, ModuleResult, Outcome
from harness.peer import Peer, Task
from harness.process import Command, Completed
from harness.report.results import write_results
from tests.unit.sample_results import as_expected, expecting

CASE = "test.test_x.T.test_a"


def module(*cases: CaseResult) -> ModuleResult:
    return ModuleResult(module="test_x", outcome=Outcome.PASS, seconds=1, attempts=1, complete=True, cases=cases)


def test_cases_that_agree_and_cases_of_ours_alone_are_no_difference() -> None:
    ours = module(CaseResult(case=CASE, outcome=Outcome.PASS), CaseResult(case="more", outcome=Outcome.CRASH))
    assert differences({CASE: Outcome.PASS}, [ours]) == ()


@pytest.mark.parametrize("theirs", [Outcome.FAIL, Outcome.SKIP, Outcome.EXPECTED_FAILURE])
def test_another_outcome_is_an_unexplained_difference(theirs: Outcome) -> None:
    found = differences({CASE: theirs}, [module(CaseResult(case=CASE, outcome=Outcome.PASS))])
    assert [(difference.case, difference.theirs, difference.ours, difference.why) for difference in found] == [
        (CASE, theirs, Outcome.PASS, "")
    ]
    assert "UNEXPLAINED" in render("wasi", Answer(outcomes={CASE: theirs}), found)


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
        (Outcome.SKIP, Detail(reason="[Errno 44] No such file or directory: '/usr/share/zoneinfo/Asia/Tehran'"), True),
        (Outcome.SKIP, Detail(reason="Can't find timezone datebase"), True),
        (Outcome.SKIP, Detail(reason="cannot access Python source code directory: '/x/view'"), True),
        (Outcome.SKIP, Detail(reason="requires threads"), False),
        (Outcome.ERROR, Detail(message="not permitted: '/tmp/x/../../etc'"), True),
        (Outcome.ERROR, Detail(message="not permitted: '/etc'"), False),
        (Outcome.CRASH, Detail(message="'/../'", reason="write"), False),
    ],
)
def test_what_each_side_can_see_explains_and_what_not(outcome: Outcome, detail: Detail, explained: bool) -> None:
    ours = module(CaseResult(case=CASE, outcome=outcome, detail=detail))
    assert bool(differences({CASE: Outcome.PASS}, [ours])[0].why) is explained


@pytest.mark.parametrize(
    ("reason", "name", "explained"),
    [
        ("No time zone data available", "test.test_zones.test_all.T.test_a", True),
        ("No time zone data available", "test.test_zones.test_other.T.test_a", False),
        ("requires threads", "test.test_zones.test_all.T.test_a", False),
    ],
)
def test_the_cases_of_a_module_that_skipped_itself_are_explained_by_its_reason(
    reason: str, name: str, explained: bool
) -> None:
    skipped = "unittest.loader.ModuleSkipped.test.test_zones.test_all"
    ours = module(CaseResult(case=skipped, outcome=Outcome.SKIP, detail=Detail(reason=reason)))
    assert bool(differences({name: Outcome.PASS}, [ours])[0].why) is explained


@pytest.mark.parametrize(
    ("listed", "theirs", "explained"),
    [
        ((Outcome.FAIL, Outcome.PASS), Outcome.PASS, True),
        ((Outcome.FAIL, Outcome.PASS), Outcome.ERROR, False),
        ((Outcome.FAIL,), Outcome.PASS, False),
    ],
)
def test_what_the_lists_know_to_vary_is_explained(
    listed: tuple[Outcome, ...], theirs: Outcome, explained: bool
) -> None:
    expected = CellExpectations({CASE: expecting(CASE.removeprefix("test."), *listed)})
    ours = module(CaseResult(case=CASE, outcome=Outcome.FAIL))
    assert bool(differences({CASE: theirs}, [ours], expected)[0].why) is explained


def test_the_last_line_counts() -> None:
    theirs = {CASE: Outcome.PASS, "b": Outcome.FAIL}
    found = differences(theirs, [module(CaseResult(case=CASE, outcome=Outcome.PASS))])
    assert render("wasi", Answer(outcomes=theirs), found).splitlines()[-1] == (
        "wasi: 2 cases of regrtest's, 1 with the same outcome here, 0 explained differences, 1 unexplained"
    )


FATAL = module(
    CaseResult(case=CASE, outcome=Outcome.CRASH),
    CaseResult(case="test.test_x.T.test_b", outcome=Outcome.TIMEOUT),
    CaseResult(case="test.test_x.T.test_c", outcome=Outcome.ERROR),
    CaseResult(case=f"after ({CASE})", outcome=Outcome.CRASH),
    CaseResult(case="test.test_x", outcome=Outcome.CRASH),
)


def test_fatal_is_a_case_that_died_or_stood_still() -> None:
    assert fatal_cases([FATAL]) == ((CASE, "test_x"), ("test.test_x.T.test_b", "test_x"))


class FalsePeer(Peer):
    """Has an answer for each task, by the cases it asks for."""

    answers: ClassVar = {
        (): {"test.test_x.T.test_c": Outcome.ERROR},
        (CASE,): {},
        ("test.test_x.T.test_b",): {"test.test_x.T.test_b": Outcome.PASS},
    }
    asked: list[Task]

    def run(self, task: Task, on_tick: Callable[[float], None] | None = None) -> tuple[Completed, dict[str, Outcome]]:
        self.asked.append(task)
        command = Command(argv=(), cwd=Path())
        return Completed(command=command, returncode=0, seconds=7, timed_out=False), dict(self.answers[task.match])


def test_a_fatal_case_does_not_cost_the_others_of_its_module_and_is_asked_about_by_itself() -> None:
    peer = FalsePeer.__new__(FalsePeer)
    object.__setattr__(peer, "asked", [])
    answer = ask_regrtest(peer, Task(workers=2), [FATAL])
    assert peer.asked[0].excluded == (CASE, "test.test_x.T.test_b")
    assert {task.modules for task in peer.asked[1:]} == {("test_x",)}
    assert len({task.name for task in peer.asked}) == 3
    assert answer.dead == (CASE,)
    assert answer.seconds == 7
    # The other one ended well there: that is a difference.
    assert [found.case for found in differences(answer.outcomes, [FATAL])] == ["test.test_x.T.test_b"]
    assert CASE in render("wasi", answer, ())


def test_fatal_cases_of_other_modules_are_not_asked_about() -> None:
    peer = FalsePeer.__new__(FalsePeer)
    object.__setattr__(peer, "asked", [])
    ask_regrtest(peer, Task(workers=2, modules=("test_y",)), [FATAL])
    assert [task.excluded for task in peer.asked] == [()]


def test_results_of_another_build_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results = dataclasses.replace(as_expected(), build={"inputs": {"source": "this"}})
    write_results(path, results)
    assert results_of(path, Build(folder=tmp_path, manifest={"inputs": {"source": "this"}})).modules == results.modules
    with pytest.raises(ConfigError, match="another build"):
        results_of(path, Build(folder=tmp_path, manifest={"inputs": {"source": "other"}}))
