"""Reads runs from the history, which are evidence for the updater even if their results.json no longer exists."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.curation.update.evidence import CaseSighting, Failure, ModuleEvidence, Run, as_setting, run_of
from harness.history.changes import ABSENT, StateChange
from harness.history.changes import states as states_at
from harness.history.database import opened
from harness.history.query import cell_runs
from harness.history.record import Case, State, utc
from harness.history.store import Store, StoredRun, numbers_in
from harness.history.timeline import CellRuns
from harness.results.outcomes import DEATHS


def past_runs(file: Path, newest: Mapping[str, str], known: Collection[tuple[str, str]], *, limit: int) -> list[Run]:
    """The last runs of each cell, at most `limit`, that began before the cell's time in `newest`. Runs in `known`, by
    cell and time, are left out. ConfigError when the file is no history.
    """
    with opened(file, write=False) as connection:
        store = Store(connection)
        cells = store.cells()
        seen = {(cell, utc(started)) for cell, started in known}
        cases = dict(store.cases("1", ""))
        found: list[Run] = []
        for cell in sorted(newest.keys() & cells.keys()):
            runs = store.runs(cells[cell])
            before = utc(newest[cell])
            older = [at for at, run in enumerate(runs) if run.started < before and (cell, run.started) not in seen]
            if older:
                places = older[-limit:]
                found += map(_Past.of(store, cell, runs, cases, places[0]).run, places)
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class _Module:
    """One module in the history. `steady` are the cases with the same state in all requested runs, `moving` the state
    changes of the other cases. `apart` has, by the place of a run, the cases seen in runs that do not cover the module.
    """

    name: str
    steady: dict[str, State] = field(default_factory=dict)
    moving: dict[str, Sequence[StateChange]] = field(default_factory=dict)
    apart: dict[int, dict[str, State]] = field(default_factory=dict)

    @functools.cached_property
    def witnesses(self) -> Mapping[bool, ModuleEvidence]:
        """The evidence of the steady cases, for a whole run (True) and for any other run (False)."""
        return {whole: _witness(self.name, self.steady, whole=whole) for whole in (True, False)}


@dataclass(frozen=True, kw_only=True)
class _Past:
    """One cell of the history, with its modules by name."""

    cell: str
    runs: Sequence[StoredRun]
    facts: CellRuns
    names: Mapping[int, str]
    modules: Mapping[str, _Module]

    @classmethod
    def of(cls, store: Store, cell: str, runs: Sequence[StoredRun], cases: Mapping[int, Case], first: int) -> _Past:
        """The cell with the states of its cases in the runs from the place `first` on."""
        number = store.cells()[cell]
        names = {key: name for name, key in store.modules().items()}
        modules = {name: _Module(name=name) for name in names.values()}
        facts = cell_runs(store, runs)
        for key, steps in store.steps(number, runs).items():
            module, case = modules[cases[key].module], cases[key].name
            if steps[-1].at > first:
                module.moving[case] = steps
            elif steps[-1].state != ABSENT:
                module.steady[case] = facts.states[steps[-1].state]
        for key, seen in store.steps(number, runs, table="sightings").items():
            for step in seen:
                apart = modules[cases[key].module].apart.setdefault(step.at, {})
                apart[cases[key].name] = facts.states[step.state]
        return cls(cell=cell, runs=runs, facts=facts, names=names, modules=modules)

    def run(self, place: int) -> Run:
        """The run at that place."""
        facts, coverage = self.facts.runs[place], self.facts.coverages[place]
        modules = [self.modules[self.names[number]] for number in numbers_in(self.runs[place].seconds)]
        return run_of(
            [self._witness(module, place) for module in modules],
            cell=self.cell,
            source=facts.source,
            order=(facts.started, -1),
            setting=as_setting(facts.setup.facts),
            complete=coverage.whole,
        )

    def _witness(self, module: _Module, place: int) -> ModuleEvidence:
        coverage = self.facts.coverages[place]
        if not coverage.has(module.name):
            return _witness(module.name, module.apart.get(place, {}))
        states = ((case, next(states_at(steps, [place]))) for case, steps in module.moving.items())
        moving = {case: self.facts.states[state] for case, state in states if state != ABSENT}
        steady, other = module.witnesses[coverage.whole], _witness(module.name, moving, whole=coverage.whole)
        return ModuleEvidence(
            module.name,
            True,
            steady.cases | other.cases,
            steady.sightings | other.sightings,
            steady.failures | other.failures,
            steady.died | other.died,
        )


def _witness(module: str, saw: Mapping[str, State], *, whole: bool = False) -> ModuleEvidence:
    """The evidence of these cases on a module, which may have further cases."""
    outcomes = {case: state.outcome for case, state in saw.items() if state.outcome is not None}
    sightings = {case: _seen(state, whole) for case, state in saw.items() if state.steady}
    # The history has no messages of failures: the reason of a new entry comes from a newer run, or from a person.
    failures = {case: _SILENT for case, seen in sightings.items() if not seen.is_good}
    died = {case: _seen(state, whole) for case, state in saw.items() if state.outcome in DEATHS}
    return ModuleEvidence(module, False, outcomes, sightings, failures, died)


_SILENT = Failure("", "")


@functools.cache
def _seen(state: State, whole: bool) -> CaseSighting:
    return CaseSighting(state.outcome, state.signature, whole)
