"""What the history answers to a question: a case, a module, or a pattern. Reads the store; decides nothing else."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import ConfigError, did_you_mean
from harness.history.changes import StateChange
from harness.history.record import Case
from harness.history.store import Store, StoredRun, durations
from harness.history.summary import CaseSummary, RunFacts, Trend, trend
from harness.history.timeline import CellRuns, Kept
from harness.results.case_ids import dotted, module_of
from harness.results.stack_needs import has_grown

MODULES_NAMED = 10
_PATTERN = "cases.name GLOB :value OR cases.name GLOB 'test.' || :value OR modules.name GLOB 'test.' || :value"


@dataclass(frozen=True, kw_only=True)
class CaseAnswer:
    """One case on one cell. `seconds` are of the runs in which it took SLOW_SECONDS or more; None where none did.
    `stack` are the bytes of the engine's stack that it needed whenever that was measured, the oldest first.
    """

    case: Case
    cell: str
    account: CaseSummary
    seconds: Trend | None
    stack: tuple[int | None, ...] = ()

    @property
    def needs_more_stack(self) -> bool:
        """Whether the newest measure is greater than the one before it."""
        before = self.stack[-2] if len(self.stack) > 1 else None
        return before is not None and has_grown(before, self.stack[-1])

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to say of it: it was always the same, and good, and does not need more stack."""
        return self.account.is_quiet and not self.needs_more_stack

    def to_json(self) -> dict[str, Any]:
        seconds = self.seconds.to_json() if self.seconds else None
        about = {"case": self.case.name, "module": self.case.module, "cell": self.cell}
        stack = {"stack": list(self.stack), "needs_more_stack": self.needs_more_stack} if self.stack else {}
        return about | self.account.to_json() | {"seconds": seconds} | stack


@dataclass(frozen=True, kw_only=True)
class ModuleAnswer:
    """How long one module takes on one cell."""

    module: str
    cell: str
    seconds: Trend

    def to_json(self) -> dict[str, Any]:
        return {"module": self.module, "cell": self.cell, "seconds": self.seconds.to_json()}


@dataclass(frozen=True, kw_only=True)
class HistoryAnswer:
    """What was asked for, by module and case and then by cell. `is_one` says that it was a single case."""

    cases: tuple[CaseAnswer, ...]
    modules: tuple[ModuleAnswer, ...]
    is_one: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "cases": [answer.to_json() for answer in self.cases],
            "modules": [answer.to_json() for answer in self.modules],
        }


def query_history(store: Store, wanted: str, cell: str = "") -> HistoryAnswer:
    """What is known of the case, the module, or all that a pattern matches; of the cells that `cell` matches, or all.
    ConfigError when there is no such case or cell.
    """
    known = store.cells()
    cells = {name: number for name, number in known.items() if fnmatch.fnmatchcase(name, cell or "*")}
    if not cells:
        near = did_you_mean(cell, known) or "leave --cell out to see all cells"
        raise ConfigError(f"the history knows no cell {cell!r}", hint=near)
    chosen = _cases(store, wanted)
    asked = {case.module for _, case in chosen}
    names = {module: name for name, module in store.modules().items() if name in asked}
    own = {case.module: number for number, case in store.cases("cases.name = modules.name", "")}
    cases: list[CaseAnswer] = []
    modules: list[ModuleAnswer] = []
    for name, number in cells.items():
        asked_of = _Cell(store=store, name=name, number=number, runs=store.runs(number))
        cases += asked_of.answers(chosen, own)
        modules += asked_of.durations(names)
    return HistoryAnswer(
        cases=tuple(sorted(cases, key=lambda answer: answer.case)),
        modules=tuple(sorted(modules, key=lambda answer: answer.module)),
        is_one=len({case.name for _, case in chosen}) == 1,
    )


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """One cell of the history."""

    store: Store
    name: str
    number: int
    runs: Sequence[StoredRun]

    @functools.cached_property
    def facts(self) -> CellRuns:
        return cell_runs(self.store, self.runs)

    def answers(self, chosen: Sequence[tuple[int, Case]], own: Mapping[str, int]) -> Iterator[CaseAnswer]:
        """Answers on the cases that any run of the cell has seen. `own` are the numbers of the modules as such."""
        numbers = {number for number, _ in chosen} | {own[case.module] for _, case in chosen if case.module in own}
        steps = self._steps("changes", numbers)
        apart = self._steps("sightings", numbers)
        stacks = self.store.stacks(self.number, {number for number, _ in chosen})
        slow = durations((run.slow for run in self.runs), {number for number, _ in chosen})
        for number, case in chosen:
            module = own.get(case.module, number)
            of_module = steps.get(module, ()) if module != number else ()
            kept = Kept(case.module, steps.get(number, ()), apart.get(number, ()), of_module)
            if (kept.steps or kept.apart) and (account := self.facts.account(kept)):
                needs = tuple(stacks.get(number, ()))
                yield CaseAnswer(case=case, cell=self.name, account=account, seconds=trend(slow[number]), stack=needs)

    def durations(self, names: Mapping[int, str]) -> Iterator[ModuleAnswer]:
        """How long each of the modules takes, by the runs of all its cases: a part of it takes a part of the time."""
        alike: dict[tuple[int, ...], list[int]] = {}
        for number, name in names.items():
            alike.setdefault(self.facts.covering(name), []).append(number)
        for places, numbers in alike.items():
            for number, seconds in durations([self.runs[place].seconds for place in places], numbers).items():
                if found := trend(seconds):
                    yield ModuleAnswer(module=names[number], cell=self.name, seconds=found)

    def _steps(self, table: str, cases: Collection[int]) -> dict[int, tuple[StateChange, ...]]:
        found = self.store.steps(self.number, self.runs, cases, table=table)
        return {case: tuple(steps) for case, steps in found.items()}


def cell_runs(store: Store, runs: Sequence[StoredRun]) -> CellRuns:
    """The runs of a cell, with what their numbers stand for."""
    setups, coverages = store.setups(), store.coverages()
    return CellRuns(
        runs=[RunFacts(started=run.started, source=run.source, setup=setups[run.setup]) for run in runs],
        coverages=[coverages[run.coverage] for run in runs],
        states=store.states(),
    )


def _cases(store: Store, wanted: str) -> list[tuple[int, Case]]:
    """The cases of a module of that name, or else the case, or else what the pattern matches."""
    for condition, value in (
        ("modules.name = :value", dotted(wanted)),
        ("cases.name = :value", wanted),
        ("modules.name || '::' || cases.name = :value", dotted(wanted)),
        (_PATTERN, wanted),
    ):
        if found := store.cases(condition, value):
            return found
    near = did_you_mean(wanted, _near(store, wanted))
    raise ConfigError(
        f"the history knows neither a case nor a module {wanted!r}",
        hint=near
        if near.startswith("did you mean")
        else f"{_recorded(store)}; name a case's id, MODULE::ID, a module, or a pattern such as 'test.test_json.*'",
    )


def _recorded(store: Store) -> str:
    """What the history knows, in a few words."""
    names = sorted(store.modules())
    if not names:
        return "nothing is recorded so far"
    more = f" and {len(names) - MODULES_NAMED:,} more" if len(names) > MODULES_NAMED else ""
    return f"recorded so far are {', '.join(names[:MODULES_NAMED])}{more}"


def _near(store: Store, wanted: str) -> set[str]:
    """What may have been meant: a case of the same module, or else a module, or a case of the same last name."""
    modules = store.modules().keys()
    if module := module_of(wanted, modules):
        return {case.name for _, case in store.cases("modules.name = :value", module)}
    same = store.cases("cases.name GLOB '*.' || :value", wanted.rpartition(".")[2])
    return {case.name for _, case in same} | modules
