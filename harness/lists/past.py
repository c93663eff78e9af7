"""Runs as the history has them: evidence for the updater also where their results.json is gone."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.history.ask import cell_runs
from harness.history.database import opened
from harness.history.observed import Case, State, utc
from harness.history.steps import ABSENT, Step, states
from harness.history.store import Store, StoredRun, numbers_in
from harness.history.timeline import CellRuns
from harness.lists.evidence import Failure, Run, Seen, Witness, as_setting, run_of


def past_runs(file: Path, newest: Mapping[str, str], known: Collection[tuple[str, str]], *, limit: int) -> list[Run]:
    """Of each cell the last runs that began before the time in `newest`, but for those that are `known`, by cell and
    time. ConfigError when the file is no history.
    """
    with opened(file, write=False) as connection:
        store = Store(connection)
        cells = store.cells()
        told = {(cell, utc(started)) for cell, started in known}
        found: list[Run] = []
        for cell in sorted(newest.keys() & cells.keys()):
            runs = store.runs(cells[cell])
            before = utc(newest[cell])
            older = [at for at, run in enumerate(runs) if run.started < before and (cell, run.started) not in told]
            if older:
                found += _Past.of(store, cell, cells[cell], runs).runs_at(older[-limit:])
        return found


@dataclass(frozen=True, kw_only=True)
class _Past:
    """One cell of the history, read whole. `steps` and `apart` are by the numbers of the cases."""

    cell: str
    runs: Sequence[StoredRun]
    facts: CellRuns
    cases: Mapping[int, Case]
    modules: Mapping[int, str]
    steps: Mapping[int, Sequence[Step]]
    apart: Mapping[int, Sequence[Step]]

    @classmethod
    def of(cls, store: Store, cell: str, number: int, runs: Sequence[StoredRun]) -> _Past:
        return cls(
            cell=cell,
            runs=runs,
            facts=cell_runs(store, runs),
            cases=dict(store.cases("1", "")),
            modules={key: name for name, key in store.modules().items()},
            steps=store.steps(number, runs),
            apart=store.steps(number, runs, table="sightings"),
        )

    def runs_at(self, places: Sequence[int]) -> Iterator[Run]:
        """The runs at those places, in order."""
        saw: dict[int, dict[str, dict[str, State]]] = {place: {} for place in places}
        for case, step in self._steps_at(places):
            name = self.cases[case]
            saw[step.at].setdefault(name.module, {})[name.name] = self.facts.states[step.state]
        for place in places:
            yield self._run(place, saw[place])

    def _steps_at(self, places: Sequence[int]) -> Iterator[tuple[int, Step]]:
        """What those runs saw of every case that was there."""
        wanted = frozenset(places)
        spoken_of: dict[str, list[int]] = {}
        for case, steps in self.steps.items():
            module = self.cases[case].module
            if module not in spoken_of:
                spoken_of[module] = [place for place in self.facts.covering(module) if place in wanted]
            found = zip(spoken_of[module], states(steps, spoken_of[module]), strict=True)
            yield from ((case, Step(place, state)) for place, state in found if state != ABSENT)
        for case, steps in self.apart.items():
            yield from ((case, step) for step in steps if step.at in wanted)

    def _run(self, place: int, saw: Mapping[str, Mapping[str, State]]) -> Run:
        stored, facts, coverage = self.runs[place], self.facts.runs[place], self.facts.coverages[place]
        modules = [self.modules[number] for number in numbers_in(stored.seconds)]
        witnesses = [_witness(name, coverage.has(name), coverage.whole, saw.get(name, {})) for name in modules]
        bad = (case for witness in witnesses for case, seen in witness.told.items() if not seen.is_good)
        return run_of(
            witnesses,
            cell=self.cell,
            source=facts.source,
            order=(facts.started, -1),
            setting=as_setting(facts.setup.facts),
            complete=coverage.whole,
            # What they said is not kept: of new entries a newer run tells the reason, or a person.
            failures=dict.fromkeys(bad, Failure("", "")),
        )


def _witness(module: str, complete: bool, whole: bool, saw: Mapping[str, State]) -> Witness:
    outcomes = {case: state.outcome for case, state in saw.items() if state.outcome is not None}
    told = {case: _seen(state, complete and whole) for case, state in saw.items() if state.steady}
    return Witness(module, complete, outcomes, told)


@functools.cache
def _seen(state: State, whole: bool) -> Seen:
    return Seen(state.outcome, state.signature, whole)
