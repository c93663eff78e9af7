"""What regrtest is asked, what is made of its answer, and what is printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from harness.build.artifact import Build
from harness.diagnostics import oracle
from harness.diagnostics.agreement import RULES, agree
from harness.diagnostics.oracle import (
    Question,
    RegrtestAnswer,
    ask_regrtest,
    consult,
    failed_by_subtests,
    fatal_cases,
    outcome_alone,
    render_oracle,
    results_of,
)
from harness.diagnostics.regrtest_runner import Key, RegrtestRunner, Reply, Task, Word
from harness.errors import ConfigError
from harness.manifest import Manifest
from harness.results.cell_results import write_results
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, SubtestResult
from harness.run.prepare import BuildRequest
from tests.unit.refusals import no_build
from tests.unit.sample_results import as_expected

CASE, OTHER, THIRD = (f"test.test_x.T.test_{letter}" for letter in "abc")
DIED, HUNG = Reply(words={"test_x": Word.DIED}), Reply(words={"test_x": Word.TIMED_OUT})
RAN = Reply(words={"test_x": Word.PASSED})


def of(outcomes: Mapping[str, Outcome]) -> dict[Key, Outcome]:
    """regrtest's outcomes of the cases of test_x."""
    return {Key("test_x", name): outcome for name, outcome in outcomes.items()}


def module(*cases: CaseResult) -> ModuleResult:
    return ModuleResult(module="test_x", outcome=Outcome.PASS, seconds=1, attempts=1, complete=True, cases=cases)


FATAL = module(
    CaseResult(case=CASE, outcome=Outcome.CRASH),
    CaseResult(case=OTHER, outcome=Outcome.TIMEOUT),
    CaseResult(case=THIRD, outcome=Outcome.ERROR),
    CaseResult(case=f"after ({CASE})", outcome=Outcome.CRASH),
    CaseResult(case="test.test_x", outcome=Outcome.CRASH),
)


def test_a_case_that_crashed_or_hung_is_fatal() -> None:
    assert fatal_cases([FATAL]) == (("test_x", CASE), ("test_x", OTHER))


def by_subtests(name: str, outcome: Outcome, *subtests: Outcome) -> CaseResult:
    found = tuple(SubtestResult(params=f"(i={number})", outcome=each) for number, each in enumerate(subtests))
    return CaseResult(case=name, outcome=outcome, subtests=found)


def test_a_case_that_failed_in_a_subtest_is_found_and_one_that_skipped_a_subtest_is_not() -> None:
    ours = module(
        by_subtests("a", Outcome.FAIL, Outcome.SKIP, Outcome.FAIL),
        by_subtests("b", Outcome.ERROR, Outcome.ERROR),
        by_subtests("c", Outcome.SKIP, Outcome.SKIP),
        by_subtests("d", Outcome.ERROR, Outcome.SKIP),
        by_subtests("e", Outcome.FAIL),
    )
    assert failed_by_subtests([ours]) == (("test_x", "a"), ("test_x", "b"))


class FalsePeer(RegrtestRunner):
    """Has a reply for each task, by the cases it asks for."""

    replies: Mapping[tuple[str, ...], Reply]
    asked: list[Task]

    def run(self, task: Task, on_tick: Callable[[float], None] | None = None) -> Reply:
        self.asked.append(task)
        return self.replies[task.match]


def peer_that_says(replies: Mapping[tuple[str, ...], Reply]) -> FalsePeer:
    peer = FalsePeer.__new__(FalsePeer)
    object.__setattr__(peer, "asked", [])
    object.__setattr__(peer, "replies", replies)
    return peer


def test_a_fatal_case_does_not_cost_the_others_of_its_module_and_is_asked_about_by_itself() -> None:
    whole = Reply(seconds=7, words={"test_x": Word.FAILED}, outcomes=of({THIRD: Outcome.ERROR}))
    passed = Reply(words={"test_x": Word.PASSED}, outcomes=of({OTHER: Outcome.PASS}))
    peer = peer_that_says({(): whole, (CASE,): DIED, (OTHER,): passed})
    answer = ask_regrtest(peer, Task(workers=2), [FATAL])
    assert peer.asked[0].excluded == (CASE, OTHER)
    assert {task.modules for task in peer.asked[1:]} == {("test_x",)}
    assert len({task.name for task in peer.asked}) == 3
    assert answer == RegrtestAnswer(
        outcomes=of({THIRD: Outcome.ERROR, CASE: Outcome.CRASH, OTHER: Outcome.PASS}),
        words={"test_x": Word.FAILED},
        alone=(Key("test_x", CASE), Key("test_x", OTHER)),
        seconds=7,
    )
    # It dies on both sides, so that they agree on it; the other one ended well there.
    found = agree(answer.outcomes, answer.words, [FATAL])
    assert [each.case for each in found.differing] == [OTHER]


def test_a_case_without_a_name_there_is_asked_about_by_itself_and_one_with_a_name_is_not() -> None:
    ours = module(by_subtests(CASE, Outcome.FAIL, Outcome.FAIL), by_subtests(OTHER, Outcome.FAIL, Outcome.FAIL))
    whole = Reply(words={"test_x": Word.FAILED}, outcomes=of({OTHER: Outcome.FAIL}))
    alone = Reply(words={"test_x": Word.FAILED}, unnamed={"test_x": Outcome.FAIL})
    peer = peer_that_says({(): whole, (CASE,): alone})
    answer = ask_regrtest(peer, Task(workers=2), [ours])
    assert peer.asked[0].excluded == ()
    assert answer.outcomes == of({CASE: Outcome.FAIL, OTHER: Outcome.FAIL})
    assert agree(answer.outcomes, answer.words, [ours]).is_agreement


def test_fatal_cases_of_other_modules_are_not_asked_about() -> None:
    peer = peer_that_says({(): RAN})
    ask_regrtest(peer, Task(workers=2, modules=("test_y",)), [FATAL])
    assert [task.excluded for task in peer.asked] == [()]


def test_a_case_is_asked_for_by_a_pattern_that_matches_nothing_else() -> None:
    odd = module(CaseResult(case="test.test_x.T.test_[a]*", outcome=Outcome.CRASH))
    pattern = "test.test_x.T.test_[[]a][*]"
    peer = peer_that_says({(): RAN, (pattern,): DIED})
    assert ask_regrtest(peer, Task(workers=2), [odd]).outcomes == of({"test.test_x.T.test_[a]*": Outcome.CRASH})
    assert peer.asked[0].excluded == (pattern,)


NAMED = Reply(words={"test_x": Word.FAILED}, outcomes=of({CASE: Outcome.FAIL}))
UNNAMED = Reply(words={"test_x": Word.FAILED}, unnamed={"test_x": Outcome.ERROR})


@pytest.mark.parametrize(
    ("whole", "alone", "outcome"),
    [
        (RAN, NAMED, Outcome.FAIL),
        (RAN, DIED, Outcome.CRASH),
        (RAN, HUNG, Outcome.TIMEOUT),
        (Reply(words={"test_x": Word.NO_TESTS}), DIED, Outcome.CRASH),
        # The module dies without the case too, or was not seen without it: nobody knows which case it dies of.
        (DIED, DIED, None),
        (HUNG, DIED, None),
        (Reply(words={"test_x": Word.BUG}), DIED, None),
        (Reply(words={"test_y": Word.PASSED}), DIED, None),
        # The other side never ran it.
        (RAN, Reply(words={"test_x": Word.NO_TESTS}), None),
        (RAN, Reply(words={"test_y": Word.DIED}), None),
        (RAN, Reply(words={"test_x": Word.SKIPPED}), None),
        (RAN, Reply(words={"test_x": Word.BUG}), None),
        (RAN, Reply(), None),
        (RAN, Reply(words={"test_x": Word.PASSED}, outcomes=of({OTHER: Outcome.PASS})), None),
        # It failed by its subtests alone.
        (RAN, UNNAMED, Outcome.ERROR),
        (RAN, dataclasses.replace(UNNAMED, unnamed={"test_y": Outcome.ERROR}), None),
        (RAN, dataclasses.replace(UNNAMED, unnamed={}), None),
    ],
)
def test_what_regrtest_says_of_a_case_by_itself(whole: Reply, alone: Reply, outcome: Outcome | None) -> None:
    assert outcome_alone(Key("test_x", CASE), whole, alone) is outcome


def test_the_page_has_each_case_each_module_each_rule_and_all_counts() -> None:
    skipped = CaseResult(case="test.test_x", outcome=Outcome.SKIP, detail=Detail(reason="no"))
    theirs = of({CASE: Outcome.PASS, OTHER: Outcome.FAIL, THIRD: Outcome.PASS})
    ours = module(
        CaseResult(case=CASE, outcome=Outcome.PASS),
        CaseResult(case=OTHER, outcome=Outcome.PASS),
        CaseResult(case="test.test_x.T.test_d", outcome=Outcome.CRASH),
    )
    other = ModuleResult(module="test_y", outcome=Outcome.SKIP, seconds=1, attempts=1, complete=True, cases=(skipped,))
    other = msgspec.structs.replace(other, cases=(msgspec.structs.replace(skipped, case="test.test_y"),))
    found = agree(theirs, {"test_x": Word.FAILED, "test_y": Word.SKIPPED}, [ours, other])
    assert render_oracle("wasi", found).splitlines() == [
        "module-as-a-whole",
        "  test.test_y: regrtest has no such case, here skip",
        "UNEXPLAINED",
        "  test.test_x.T.test_b: regrtest fail, here pass",
        "  test.test_x.T.test_c: regrtest pass, here has no such case",
        "  test.test_x.T.test_d: regrtest has no such case, here crash",
        "modules with a difference: 2 of 2",
        "  test_x: 2 compared, 1 differing, 1 only there, 1 only here, 3 UNEXPLAINED",
        "  test_y: 0 compared, 1 only here",
        "rules",
        f"       1  module-as-a-whole: {next(rule.why for rule in RULES if rule.name == 'module-as-a-whole')}",
        (
            "wasi: 2 cases compared, 1 with the same outcome, 1 differing, 1 only there, 2 only here; 1 explained, "
            "3 unexplained"
        ),
    ]


def test_a_module_of_one_side_alone_is_named_and_counted() -> None:
    ours = module(CaseResult(case=CASE, outcome=Outcome.PASS))
    lines = render_oracle("wasi", agree(of({CASE: Outcome.PASS}), {"test_y": Word.SKIPPED}, [ours])).splitlines()
    assert lines[:2] == ["modules only there, UNEXPLAINED: test_y", "modules only here, UNEXPLAINED: test_x"]
    assert lines[-1].endswith("0 explained, 2 unexplained")


def test_nothing_compared_is_said_in_the_last_line() -> None:
    last = render_oracle("wasi", agree({}, {}, [module(CaseResult(case=CASE, outcome=Outcome.PASS))])).splitlines()[-1]
    assert last == (
        "wasi: NOTHING WAS COMPARED: the two have no case in common (0 differing, 0 only there, 1 only here)"
    )


def test_results_of_another_build_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results = msgspec.structs.replace(as_expected(), build=Manifest.from_json({"inputs": {"source": "this"}}))
    write_results(path, results)
    same = Build(folder=tmp_path, manifest=Manifest(inputs={"source": "this"}))
    assert results_of(path, same).modules == results.modules
    with pytest.raises(ConfigError, match="another build"):
        results_of(path, dataclasses.replace(same, manifest=Manifest(inputs={"source": "other"})))


@pytest.mark.parametrize(
    ("cell", "upstream", "message"),
    [("emscripten-3.1.69-chromium", False, "a browser runs none"), ("wasi", True, "starts the program `wasmtime`")],
)
def test_a_cell_that_regrtest_cannot_run_is_refused_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, cell: str, upstream: bool, message: str
) -> None:
    monkeypatch.setattr(oracle, "prepare", no_build)
    with pytest.raises(ConfigError, match=message):
        consult(Question(cell=cell, upstream=upstream), BuildRequest())
