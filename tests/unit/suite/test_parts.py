"""A module cut into parts: every case once, no part too long, and results as if it had been whole."""

from __future__ import annotations

import itertools
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.results.outcomes import (
    CaseResult,
    Detail,
    ModuleResult,
    Outcome,
    PartsRun,
    decode_module,
    encode_module,
)
from harness.suite.parts import (
    Part,
    as_part,
    cut_cases,
    cut_modules,
    joined,
    joined_in_shard,
    module_of_work,
    part_named,
    part_names,
    recorded_cases,
    work_seconds,
)
from harness.suite.regrtest import NO_TESTS, NOTHING_MATCHED
from tests.unit.sample_results import case, module

A = {"test.test_x.A.test_1": 2.0, "test.test_x.A.test_2": 1.0}
B = {"test.test_x.B.test_1": 1.5, "test.test_x.B.test_2": 0.5}
C = {"test.test_x.C.test": 20.0}
BAD_WORDS = ("interrupted", "uncaught_exc", "failed", "refleak")
CASES = st.dictionaries(
    st.builds(
        "{}.{}.{}".format, st.just("test.test_x"), st.sampled_from("ABC"), st.text("abc", min_size=1, max_size=3)
    ),
    st.floats(0, 30),
    min_size=1,
    max_size=30,
)


def test_a_long_case_is_a_part_by_itself_and_classes_stay_whole() -> None:
    assert cut_cases({**A, **C, **B}, 6.0) == ((*A, *B), tuple(C))


def test_a_class_that_is_too_long_is_divided() -> None:
    assert cut_cases({**A, **B}, 2.5) == ((*B,), ("test.test_x.A.test_1",), ("test.test_x.A.test_2",))


@given(CASES, st.floats(0.1, 40))
def test_every_case_is_in_one_part_in_its_order_and_no_part_but_a_single_case_is_too_long(
    seconds: dict[str, float], limit: float
) -> None:
    parts = cut_cases(seconds, limit)
    assert sorted(case for part in parts for case in part) == sorted(seconds)
    order = list(seconds)
    assert all(list(part) == sorted(part, key=order.index) for part in parts)
    assert all(len(part) == 1 or sum(seconds[case] for case in part) <= limit + 1e-6 for part in parts)
    assert len(parts[0]) == max(map(len, parts))


def test_what_is_longer_than_its_share_is_cut() -> None:
    seconds, cases = {"test_x": 25.0, "test_y": 90.0, "test_z": 3.0}, {"test_x": {**A, **B, **C}}
    cut = {"test_x": (tuple(C),)}
    assert cut_modules(seconds, cases, 2, ()) == {}
    assert cut_modules(seconds, cases, 4, ()) == cut
    assert cut_modules(seconds, cases, 4, {"test_x"}) == {}
    assert cut_modules({"test_x": 25.0}, cases, 1, ()) == {}
    # A module without recorded cases stays whole.
    assert cut_modules(seconds, {}, 4, ()) == {}


def test_a_part_knows_its_cases_and_the_first_one_what_is_elsewhere() -> None:
    cut = {"test_x": (("b",), ("c", "d"))}
    first, second, third = part_names("test_x", cut["test_x"])
    assert (first, second, third) == ("test_x[1/3]", "test_x[2/3]", "test_x[3/3]")
    assert part_named(first, cut) == Part(module="test_x", number=1, count=3, elsewhere=("b", "c", "d"))
    assert part_named(third, cut) == Part(module="test_x", number=3, count=3, cases=("c", "d"))
    assert part_named("test_x", cut) is None
    assert [module_of_work(name) for name in ("test_x[3/3]", "test_x", "test.test_y.test_z")] == [
        "test_x",
        "test_x",
        "test.test_y.test_z",
    ]


def test_each_part_takes_the_time_of_its_cases_and_of_the_module_outside_them() -> None:
    seconds = work_seconds({"test_x": 26.0, "test_y": 4.0}, {"test_x": {**A, **B, **C}}, {"test_x": (tuple(C),)})
    assert list(seconds.items()) == [("test_x[2/2]", 21.0), ("test_x[1/2]", 6.0), ("test_y", 4.0)]


def part(*cases: CaseResult, **changes: object) -> ModuleResult:
    return msgspec.structs.replace(module("test_x", *cases), **{"word": "passed", "exit_status": 0, **changes})


def test_parts_are_joined_to_what_the_whole_would_be() -> None:
    one, two, three = (case(f"test_x.T.test_{number}") for number in (1, 2, 3))
    failed = msgspec.structs.replace(three, outcome=Outcome.FAIL)
    found = joined(
        [
            part(one, failed, word="failed", exit_status=2, attempts=2, output="what it printed"),
            part(two, env_changed=True, word="env_changed"),
        ],
        [one.case, two.case, three.case],
    )
    assert found == ModuleResult(
        module="test_x",
        outcome=Outcome.FAIL,
        seconds=3.0,
        attempts=2,
        complete=True,
        cases=(one, two, failed),
        env_changed=True,
        output="what it printed",
        word="failed",
        exit_status=2,
    )


def test_a_module_takes_no_longer_because_it_is_cut() -> None:
    """Otherwise the record would make its parts longer and fewer from run to run."""
    found = joined([part(case(f"test_x.T.test_{number}"), seconds=2.25) for number in range(5)])
    assert found.seconds == pytest.approx(5 * 0.25 + 2.0)
    hanging = part(case("test_x.T.test_9", Outcome.TIMEOUT), seconds=7.25)
    assert joined([part(case("test_x.T.test_1"), seconds=2.25), hanging]).seconds == pytest.approx(0.25 + 2.0 + 5.25)


def test_what_every_part_reports_appears_once_with_its_worst_outcome() -> None:
    fixture, own = case("test_x.setUp"), case("test_x", Outcome.SKIP, reason="no sockets")
    worse = msgspec.structs.replace(fixture, outcome=Outcome.ERROR)
    assert joined([part(fixture), part(worse)]).cases == (worse,)
    later = msgspec.structs.replace(worse, seconds=9.0)
    assert joined([part(worse), part(later)]).cases == (worse,)
    skipped = joined([part(own, detail=own.detail)] * 3)
    assert (skipped.cases, skipped.outcome, skipped.detail, skipped.attempts) == ((own,), Outcome.SKIP, own.detail, 1)


def test_a_part_says_nothing_of_the_module_when_its_cases_are_gone() -> None:
    gone = case("test_x", Outcome.SKIP, reason=NOTHING_MATCHED)
    found = joined([part(case("test_x.T.test_1")), part(gone, word="did_not_run", exit_status=4)])
    assert [each.case for each in found.cases] == ["test.test_x.T.test_1"]
    assert (found.outcome, found.word, found.exit_status) == (Outcome.PASS, "passed", 0)


def test_after_a_part_that_died_the_whole_would_have_been_started_again() -> None:
    dead = part(case("test_x.T.test_2", Outcome.CRASH), word="", exit_status=None)
    found = joined([part(case("test_x.T.test_1")), dead, dead])
    assert (found.word, found.exit_status, found.outcome, found.attempts) == ("passed", 0, Outcome.CRASH, 3)
    found = joined([dead, part(case("test_x.T.test_3", Outcome.TIMEOUT), word="", exit_status=None)])
    assert (found.word, found.exit_status, found.attempts) == ("", None, 2)
    imported = part(case("test_x", Outcome.CRASH), word="", exit_status=None, attempts=2)
    assert joined([imported, imported]).attempts == 2


@pytest.mark.parametrize(
    ("worse", "better"),
    [*itertools.pairwise([*BAD_WORDS, "env_changed", "passed", "skipped", "resource_denied", "unheard_of", ""])],
)
def test_the_word_of_the_whole_is_the_worst_one(worse: str, better: str) -> None:
    found = joined([part(case("test_x.T.a"), word=better), part(case("test_x.T.b"), word=worse, exit_status=2)])
    assert (found.word, found.exit_status) == (worse, 2)


def test_the_module_s_own_word_is_its_outcome_whatever_its_cases_did() -> None:
    own = case("test_x", Outcome.FAIL)
    assert joined([part(own), part(case("test_x.T.a", Outcome.CRASH))]).outcome is Outcome.FAIL


def test_a_part_that_is_not_complete_makes_the_module_incomplete() -> None:
    assert not joined([part(case("test_x.T.test_1")), part(case("test_x.T.test_2"), complete=False)]).complete
    assert not as_part(part(case("test_x.T.test_1"))).complete


@st.composite
def results_of_parts(draw: st.DrawFn) -> list[ModuleResult]:
    """Those of two to six parts; each has a case of its own, or all its cases are gone, and may have a fixture that all
    have.
    """
    found = []
    for number in range(1, draw(st.integers(2, 6)) + 1):
        outcome = draw(st.sampled_from([Outcome.PASS, Outcome.FAIL, Outcome.CRASH]))
        fixture = [case("test_x.setUp", draw(st.sampled_from([Outcome.PASS, Outcome.ERROR])))]
        cases = [case(f"test_x.T.test_{number}", outcome), *fixture * draw(st.booleans())]
        if draw(st.booleans()) and number > 1:
            cases = [case("test_x", Outcome.SKIP, reason=NOTHING_MATCHED)]
        died = outcome is Outcome.CRASH
        word = draw(st.sampled_from(["passed", "failed", "env_changed"])) if not died or draw(st.booleans()) else ""
        seconds = 0.5 + 0.25 * draw(st.integers(0, 8))
        attempts = 1 + died * draw(st.booleans())
        complete = draw(st.sampled_from([True, True, True, False]))
        found.append(part(*cases, word=word, exit_status=None, seconds=seconds, attempts=attempts, complete=complete))
    return found


@given(results_of_parts(), st.integers(1, 4), st.randoms())
def test_it_does_not_matter_which_shard_has_run_which_part(
    parts: list[ModuleResult], count: int, chance: random.Random
) -> None:
    """And none of it says that a case which is not in the shard is gone."""
    shards: dict[int, dict[int, ModuleResult]] = {}
    for number, result in enumerate(parts, 1):
        shards.setdefault(chance.randrange(count), {})[number] = result
    order = [each.case for result in parts for each in result.cases]
    of_shards = [joined_in_shard(ran, len(parts), order) for ran in shards.values()]
    assert not any(result.complete for result in of_shards)
    found, expected = joined(of_shards, order), joined(parts, order)
    assert found.seconds == pytest.approx(expected.seconds)
    assert msgspec.structs.replace(found, seconds=0) == msgspec.structs.replace(expected, seconds=0)


def test_a_shard_says_which_parts_it_ran_and_how_long_they_took() -> None:
    ran = {number: part(case(f"test_x.T.test_{number}"), seconds=2.25) for number in (2, 5)}
    found = joined_in_shard(ran, 5)
    assert (found.seconds, found.parts) == (4.5, PartsRun(numbers=(2, 5), count=5, complete=True, besides=2.0))
    assert decode_module("test_x", encode_module(found)) == found


def test_the_tries_of_the_environment_are_those_of_all_parts() -> None:
    found = joined([part(case("test_x.T.a"), env_tries=(False, True, False)), part(case("test_x.T.b"))])
    assert found.env_tries == (False, True, False)
    found = joined([part(case("test_x.T.a"), env_tries=(False, False)), part(case("test_x.T.b"), env_tries=(True,))])
    assert found.env_tries == (True, False)


def test_cases_are_recorded_with_their_seconds_and_dead_ones_with_those_that_they_cost() -> None:
    result = module(
        "test_x",
        case("test_x.T.test_1"),
        CaseResult(case="test.test_x.T.test_2", outcome=Outcome.TIMEOUT),
        case("test_x", Outcome.FAIL),
        CaseResult(case="setUpClass (test.test_x.U)", outcome=Outcome.ERROR),
        CaseResult(case="test.test_x.V.*", outcome=Outcome.NOT_RUN, detail=Detail(reason="run = false")),
    )
    assert recorded_cases(result) == {"test.test_x.T.test_1": 0.25, "test.test_x.T.test_2": 2.0}


@pytest.mark.parametrize("name", ["test.test_x.T.test_1#2", "test.test_x.__doc__"])
def test_a_module_with_a_case_that_is_not_called_as_its_id_is_not_cut(name: str) -> None:
    second = CaseResult(case=name, outcome=Outcome.PASS, id="test.test_x.T.test_1")
    assert recorded_cases(module("test_x", case("test_x.T.test_1"), second)) == {}


def test_a_module_has_no_tests_when_all_of_its_recorded_cases_are_gone() -> None:
    gone = case("test_x", Outcome.SKIP, reason=NOTHING_MATCHED)
    found = joined([module("test_x", gone), module("test_x", gone)])
    assert (found.outcome, [each.detail.reason for each in found.cases]) == (Outcome.NO_TESTS, [NO_TESTS])
