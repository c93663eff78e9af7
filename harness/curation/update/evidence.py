"""The evidence of runs: what each run saw of each case, and what this proves. Pure.

A pass is a reason to remove an entry only in a run of the whole suite, in a module that ran to its end without an
unexplained crash or hang: after these the rest of a module runs in another interpreter, or not at all.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from harness.expectations.compare import judge_outcome
from harness.expectations.entries import CellExpectations, Expectation, Expectations
from harness.limitations.findings import ProbeAnswer
from harness.matrix.cells import Cell
from harness.matrix.conditions import Facts, condition_values
from harness.results.case_ids import dotted, module_of
from harness.results.cell_results import CellResults
from harness.results.command_line import DEFAULT, RunOptions
from harness.results.outcomes import DEATHS, CaseResult, Outcome, follows
from harness.results.signatures import signature_of
from harness.results.verdicts import Verdict
from harness.suite.unseen import seen_cases

Setting: TypeAlias = tuple[tuple[str, str | bool], ...]
"""The facts of a cell as a key: runs with the same setting must agree with each other."""


class CaseSighting(NamedTuple):
    """What one run saw of one case. `outcome` is None when the case did not appear although it should have.

    `whole` says that the sighting can be a reason to remove an entry.
    """

    outcome: Outcome | None
    signature: str
    whole: bool

    @property
    def is_good(self) -> bool:
        return self.outcome is None or self.outcome.is_good


TODO = "TODO"
"""The beginning of the reason of an entry that no person has reviewed yet; lint refuses it."""

_LINES = 4

# Nearly all cases of all runs have one of a few sightings, which are shared to save memory.
_seen = functools.cache(CaseSighting)


class Failure(NamedTuple):
    """The failure of a case, from which the updater derives the cause and the reason of an entry. `lines` are the last
    lines of source in its traceback, the innermost first.
    """

    exception: str
    message: str
    signature: str = ""
    lines: tuple[str, ...] = ()


class CrashSighting(NamedTuple):
    """The case in which the interpreter crashed or hung, and all cases of its module."""

    case: str
    seen: CaseSighting
    module: str
    cases: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of one cell. `modules` are the dotted names of the modules for which the run accounts for every case.

    `order` sorts the runs of a cell by time. `unsettled` are the cases that appeared and prove nothing. `probes` has
    the answers of probes by limitation, if the run was probed. `options` are those that decided, apart from the cell,
    what was tested.
    """

    cell: str
    source: str
    order: tuple[str, int]
    setting: Setting
    complete: bool
    seen: Mapping[str, CaseSighting]
    modules: frozenset[str]
    all_modules: frozenset[str]
    failures: Mapping[str, Failure]
    deaths: tuple[CrashSighting, ...] = ()
    unsettled: frozenset[str] = frozenset()
    probes: Mapping[str, ProbeAnswer] = field(default_factory=dict)
    options: RunOptions = DEFAULT


def setting_of(cell: Cell, *, python: str = "", libraries: Collection[str] | None = None) -> Setting:
    """The facts of a cell as a key, in which equal versions are spelled alike."""
    return as_setting(condition_values(cell, python=python, libraries=libraries))


def as_setting(facts: Facts) -> Setting:
    """The facts as a key."""
    spelled = {axis: value.removesuffix("+") if isinstance(value, str) else value for axis, value in facts.items()}
    return tuple(sorted(spelled.items()))


class ModuleEvidence(NamedTuple):
    """The evidence of one run on one module, which has its dotted name. `cases` has the outcomes of all cases,
    `sightings` only the cases that prove something, and `failures` the bad ones among these. `died` has all crashes and
    hangs, also those that a rerun did not repeat, since the cases after them ran in another interpreter. `complete` is
    that of ModuleResult.
    """

    module: str
    complete: bool
    cases: dict[str, Outcome]
    sightings: dict[str, CaseSighting]
    failures: dict[str, Failure]
    died: dict[str, CaseSighting]


def read_run(results: CellResults, *, source: str, index: int = 0) -> Run:
    """The evidence in one results.json. `index` orders runs that began in the same second."""
    witnesses = []
    apart = {row.case for row in results.comparison.of_other_version}
    for module in results.modules:
        cases = {sys.intern(case.case): case for case in seen_cases(module)}
        whole = results.run.complete and module.complete
        # A case with different outcomes within one run proves nothing, and neither does a test that is of another
        # version of CPython than the interpreter.
        steady = {
            case
            for case, found in cases.items()
            if not follows(found, cases) and not found.is_inconsistent and case not in apart
        }
        sightings = {
            case: _seen(cases[case].outcome, signature_of(cases[case]), whole) for case in cases if case in steady
        }
        deaths = {name: case for name, case in cases.items() if case.outcome in DEATHS}
        died = {name: _seen(case.outcome, signature_of(case), whole) for name, case in deaths.items()}
        failures = {case: _failure_of(cases[case]) for case, seen in sightings.items() if not seen.is_good}
        outcomes = {case: found.outcome for case, found in cases.items()}
        witnesses.append(ModuleEvidence(dotted(module.module), module.complete, outcomes, sightings, failures, died))
    return run_of(
        witnesses,
        cell=results.cell.id,
        source=source,
        order=(results.run.started, index),
        setting=setting_of(results.cell, python=results.build.python, libraries=results.build.libraries),
        complete=results.run.complete,
        probes={name: ProbeAnswer.from_json(name, answer) for name, answer in results.probes.items()},
        options=results.run.options,
    )


def run_of(
    witnesses: Sequence[ModuleEvidence],
    *,
    cell: str,
    source: str,
    order: tuple[str, int],
    setting: Setting,
    complete: bool,
    probes: Mapping[str, ProbeAnswer] | None = None,
    options: RunOptions = DEFAULT,
) -> Run:
    """The run with the evidence of all its modules."""
    seen: dict[str, CaseSighting] = {}
    failures: dict[str, Failure] = {}
    unsettled: set[str] = set()
    deaths: list[CrashSighting] = []
    for witness in witnesses:
        seen |= witness.sightings
        failures |= witness.failures
        unsettled |= witness.cases.keys() - witness.sightings.keys()
        cases = frozenset(witness.cases)
        deaths += (CrashSighting(case, seen, witness.module, cases) for case, seen in witness.died.items())
    accounted = (
        witness.module
        for witness in witnesses
        if witness.complete and witness.cases.get(witness.module, Outcome.PASS).is_good
    )
    return Run(
        cell=cell,
        source=source,
        order=order,
        setting=setting,
        complete=complete,
        seen=seen,
        modules=frozenset(accounted),
        all_modules=frozenset(witness.module for witness in witnesses),
        failures=failures,
        deaths=tuple(deaths),
        probes=probes or {},
        options=options,
        unsettled=frozenset(unsettled - seen.keys()),
    )


_SHOWN = re.compile(r'^ *File ".*", line \d+, in .*\n(?! *File ")(.+)', re.MULTILINE)


def _failure_of(case: CaseResult) -> Failure:
    details = [case.detail, *(subtest.detail for subtest in case.subtests if not subtest.outcome.is_good)]
    telling = next((detail for detail in details if detail.exception), case.detail)
    message = telling.message or telling.reason
    # The line of source of each frame, the innermost frame first.
    lines = tuple(line.strip() for line in reversed(_SHOWN.findall(telling.traceback)[-_LINES:]))
    return Failure(telling.exception, message, signature_of(case), lines)


@dataclass(frozen=True, kw_only=True)
class JudgedRun:
    """A run compared with the lists. `doubtful` has the modules with a crash or hang that no entry explains, and all
    their cases.
    """

    run: Run
    doubtful: frozenset[str]

    @classmethod
    def of(cls, run: Run, expected: CellExpectations) -> JudgedRun:
        unexplained = [death for death in run.deaths if not _is_explained(death, expected.lookup(death.case))]
        return cls(run=run, doubtful=frozenset().union(*({death.module, *death.cases} for death in unexplained)))

    def sight(self, test: str) -> CaseSighting | None:
        """What the run saw of a test; None when it has no evidence on it."""
        found = self.run.seen.get(test)
        if found is None:
            return None if test in self.run.unsettled else self._absence(test)
        return found._replace(whole=False) if test in self.doubtful else found

    def _absence(self, test: str) -> CaseSighting | None:
        module = module_of(test, self.run.all_modules)
        if module:
            whole = self.run.complete and module not in self.doubtful
            return _seen(None, "", whole) if module in self.run.modules else None
        everything = self.run.complete and self.run.modules == self.run.all_modules
        return _seen(None, "", not self.doubtful) if everything else None


def _is_explained(death: CrashSighting, entry: Expectation | None) -> bool:
    """Whether the entry explains the crash or hang. An entry that still waits for its reason explains nothing."""
    return (
        entry is not None
        and not entry.reason.startswith(TODO)
        and death.seen.outcome is not None
        and judge_outcome(death.seen.outcome, entry, death.seen.signature) is Verdict.KNOWN
    )


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All runs by setting; those of each setting are in order of time."""

    runs: Mapping[Setting, tuple[JudgedRun, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, runs: Iterable[Run], expectations: Expectations) -> Evidence:
        by_setting: dict[Setting, list[Run]] = {}
        for run in sorted(runs, key=lambda run: run.order):
            by_setting.setdefault(run.setting, []).append(run)
        judged: dict[Setting, tuple[JudgedRun, ...]] = {}
        for setting in sorted(by_setting, key=repr):
            expected = expectations.for_facts(dict(setting))
            judged[setting] = tuple(JudgedRun.of(run, expected) for run in by_setting[setting])
        return cls(runs=judged)

    def sequence(self, test: str, setting: Setting) -> list[CaseSighting]:
        """What the runs of a setting saw of a test, the oldest first."""
        return [seen for judged in self.runs.get(setting, ()) if (seen := judged.sight(test)) is not None]

    def cells(self, setting: Setting) -> tuple[str, ...]:
        """The cells that ran with this setting. There is one, unless cells differ only in fields that are no axis."""
        return tuple(sorted({judged.run.cell for judged in self.runs.get(setting, ())}))

    def appears(self, case: str, setting: Setting) -> bool:
        """Whether the case appears in any run of the setting."""
        runs = (judged.run for judged in self.runs.get(setting, ()))
        return any(case in run.seen or case in run.unsettled for run in runs)

    def all_runs(self) -> Iterator[Run]:
        for judged in self.runs.values():
            yield from (one.run for one in judged)

    def failing(self) -> Iterator[str]:
        """Every case that any run saw fail."""
        yield from sorted({case for run in self.all_runs() for case in run.failures})

    def passed_in(self, test: str, cells: Iterable[str]) -> str:
        """The source of the last run of those cells, with any CPython, in which the case passed; empty if none has."""
        wanted = frozenset(cells)
        found = [
            run
            for run in self.all_runs()
            if run.cell in wanted and (seen := run.seen.get(test)) and seen.outcome is Outcome.PASS
        ]
        return max(found, key=lambda run: run.order).source if found else ""

    def failure(self, test: str, setting: Setting) -> Failure:
        """The newest failure of a test in the setting; an empty one if there is none."""
        for judged in reversed(self.runs.get(setting, ())):
            if test in judged.run.failures:
                return judged.run.failures[test]
        return Failure("", "")

    def probes(self, setting: Setting) -> Mapping[str, ProbeAnswer]:
        """The answers of probes by limitation from the newest probed run of the setting; empty if none was probed."""
        probed = (judged.run.probes for judged in reversed(self.runs.get(setting, ())))
        return next((found for found in probed if found), {})
