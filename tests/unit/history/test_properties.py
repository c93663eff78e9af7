"""The history against a plain list of all runs: the same answers, in whatever order the runs were recorded."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.history.changes import ABSENT, StateChange, insert, states
from harness.history.database import opened
from harness.history.query import cell_runs
from harness.history.record import Case, RecordedRun, State, record_of
from harness.history.store import Store
from harness.history.timeline import Kept
from harness.results.cell_results import CellResults
from harness.results.outcomes import ModuleResult, Outcome, worst
from tests.unit.sample_results import case, results

MODULES = ("test_a", "test_b")
CASES = ("T.test_1", "T.test_2", "T.test_3")
OUTCOMES = (Outcome.PASS, Outcome.FAIL, Outcome.SKIP, Outcome.CRASH)

one_module = st.tuples(
    st.sampled_from(["complete", "in part", "skipped", "died"]),
    st.dictionaries(st.sampled_from(CASES), st.sampled_from(OUTCOMES)),
)
one_run = st.tuples(st.booleans(), st.integers(1, 9), st.dictionaries(st.sampled_from(MODULES), one_module))
many_runs = st.lists(one_run, min_size=1, max_size=7)


def module_of(name: str, how: str, found: Mapping[str, Outcome]) -> ModuleResult:
    whole = {"skipped": Outcome.SKIP, "died": Outcome.CRASH}.get(how)
    cases = () if whole else tuple(case(f"{name}.{each}", outcome) for each, outcome in found.items())
    return ModuleResult(
        module=name,
        outcome=whole or (worst([each.outcome for each in cases]) if cases else Outcome.PASS),
        seconds=1.0,
        attempts=1,
        complete=how != "in part",
        cases=cases,
    )


def run_of(whole: bool, day: int, modules: Mapping[str, tuple[str, Mapping[str, Outcome]]]) -> CellResults:
    made = results(*(module_of(name, how, found) for name, (how, found) in modules.items()), complete=whole)
    return msgspec.structs.replace(made, run=msgspec.structs.replace(made.run, started=f"2026-09-{day:02}T03:00:00Z"))


def naive(runs: Sequence[RecordedRun], wanted: Case) -> list[tuple[str, State]]:
    """What each run saw of a case, found by looking at all of them."""
    seen = []
    for run in sorted({run.digest: run for run in runs}.values(), key=lambda run: (run.started, run.digest)):
        whole = run.states.get(Case(wanted.module, wanted.module), State(None)).outcome
        if wanted in run.states:
            seen.append((run.started, run.states[wanted]))
        elif not run.coverage.has(wanted.module):
            continue
        elif whole is Outcome.SKIP:
            seen.append((run.started, State(Outcome.SKIP)))
        elif whole is None or whole.is_good:
            seen.append((run.started, State(None)))
    return seen


def kept_of(store: Store, number: int, wanted: Case) -> Kept:
    runs = store.runs(number)
    numbers = {each: key for key, each in store.cases("1", "")}

    def of(table: str, name: str) -> tuple[StateChange, ...]:
        key = numbers.get(Case(wanted.module, name), -1)
        return tuple(store.steps(number, runs, [key], table=table).get(key, ()))

    own = of("changes", wanted.module)
    return Kept(wanted.module, of("changes", wanted.name), of("sightings", wanted.name), own)


def dump(store: Store) -> list[object]:
    """All that the history says, without the numbers of its rows."""
    found: list[object] = []
    states, setups, coverages = store.states(), store.setups(), store.coverages()
    names = dict(store.cases("1", ""))
    for cell, number in store.cells().items():
        runs = store.runs(number)
        found += [(run.started, run.source, setups[run.setup], coverages[run.coverage]) for run in runs]
        for table in ("changes", "sightings"):
            steps = store.steps(number, runs, table=table)
            found += sorted(
                (cell, table, names[key], step.at, str(states[step.state])) for key in steps for step in steps[key]
            )
    return found


def recorded(folder: str, name: str, runs: Sequence[RecordedRun]) -> list[object]:
    with opened(Path(folder, name), write=True) as connection:
        store = Store(connection)
        for run in runs:
            store.record(run)
        return dump(store)


@settings(max_examples=60)
@given(many_runs, st.randoms())
def test_runs_recorded_in_any_order_and_twice_give_the_same_history(
    described: list[tuple[bool, int, dict[str, tuple[str, dict[str, Outcome]]]]], chance: random.Random
) -> None:
    runs = [record_of(run_of(*run), source="somewhere") for run in described]
    again = [*runs, *runs]
    chance.shuffle(again)
    with tempfile.TemporaryDirectory() as folder:
        assert recorded(folder, "a", runs) == recorded(folder, "b", again)


@settings(max_examples=60)
@given(many_runs)
def test_the_history_says_of_each_case_what_a_list_of_all_runs_says(
    described: list[tuple[bool, int, dict[str, tuple[str, dict[str, Outcome]]]]],
) -> None:
    runs = [record_of(run_of(*run), source="somewhere") for run in described]
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder, "h"), write=True) as connection:
        store = Store(connection)
        for run in runs:
            store.record(run)
        number = store.cells()["wasi"]
        facts = cell_runs(store, store.runs(number))
        for wanted in {each for run in runs for each in run.states if each.name != each.module}:
            seen = [(sight.run.started, sight.state) for sight in facts.sights(kept_of(store, number, wanted))]
            assert seen == naive(runs, wanted)


@given(st.permutations(range(8)), st.lists(st.integers(0, 2), min_size=8, max_size=8))
def test_steps_are_as_few_as_they_can_be(order: list[int], values: list[int]) -> None:
    steps: dict[int, int] = {}
    for count, at in enumerate(order):
        later = [other for other in order[:count] if other > at]
        edit = insert([StateChange(*step) for step in sorted(steps.items())], at, values[at], min(later, default=None))
        steps |= dict(edit.put)
        for gone in edit.drop:
            del steps[gone]
    assert list(states([StateChange(*step) for step in sorted(steps.items())], range(8))) == values
    befores = [ABSENT, *values[:-1]]
    assert sorted(steps) == [at for at in range(8) if values[at] != befores[at]]
