"""What one run of one cell says of each case, as the history keeps it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from harness.errors import ConfigError
from harness.matrix.conditions import condition_values
from harness.results.case_ids import dotted
from harness.results.cell_results import CellResults
from harness.results.diff import Axes, AxisValue, DiffAxis, axes_of
from harness.results.outcomes import CaseResult, Outcome, follows
from harness.results.signatures import same_failure, signature_of
from harness.results.stack_needs import StackNeeds
from harness.suite.unseen import seen_cases

SLOW_SECONDS = 0.2
"""Of cases that took at least so long the seconds are kept, run by run: some hundreds of 30,000."""


class Case(NamedTuple):
    """A case by its module's dotted name and its own id, which two modules may share."""

    module: str
    name: str


class State(NamedTuple):
    """What a run saw of a case; no outcome when it was not there although it should have been.

    `steady` is False where that proves nothing: the case changed its mind in that run, or was not run because of
    another one.
    """

    outcome: Outcome | None
    signature: str = ""
    steady: bool = True

    @property
    def is_mixed(self) -> bool:
        """Whether it changed its mind within one run."""
        return not self.steady and self.outcome is not Outcome.NOT_RUN

    def differs_from(self, other: State) -> bool:
        """Whether the two are a change: another outcome, or another failure."""
        return self.outcome != other.outcome or not same_failure(self.signature, other.signature)

    def __str__(self) -> str:
        word = str(self.outcome or "absent") + (" (changed its mind)" if self.is_mixed else "")
        return f"{word} ({self.signature})" if self.signature else word


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The modules in which the absence of a case means something: those listed, or of a whole run all but those."""

    whole: bool
    listed: frozenset[str]

    def has(self, module: str) -> bool:
        return (module in self.listed) is not self.whole

    def to_text(self) -> str:
        return json.dumps([self.whole, sorted(self.listed)])

    @classmethod
    def from_text(cls, text: str) -> Coverage:
        whole, listed = json.loads(text)
        return cls(whole=whole, listed=frozenset(listed))


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What was tested: where the run lies on each axis, and the facts of the cell that conditions know."""

    axes: Axes
    facts: Mapping[str, str | bool]

    def to_text(self) -> str:
        axes = {axis.value: [value.named, value.recorded] for axis, value in self.axes.items()}
        return json.dumps({"axes": axes, "facts": dict(self.facts)}, sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Setup:
        data = json.loads(text)
        axes = {DiffAxis(name): AxisValue(*value) for name, value in data["axes"].items()}
        return cls(axes=axes, facts=data["facts"])


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """One run of one cell. `started` is ISO 8601 in UTC, so that it sorts by time; `source` says where its files were.

    `digest` is made of what was tested and seen: the same run has the same one wherever it lies. `seconds` are those of
    each module, `slow` those of cases from SLOW_SECONDS on.
    """

    cell: str
    started: str
    source: str
    digest: str
    setup: Setup
    coverage: Coverage
    states: Mapping[Case, State]
    seconds: Mapping[str, float]
    slow: Mapping[Case, float]


def record_of(results: CellResults, *, source: str) -> RecordedRun:
    """What the history keeps of results. ConfigError when nobody can tell when they were made, or they
    are of the user's own tests, other resources, or another order.
    """
    if why := results.run.options.why_no_evidence:
        raise ConfigError(f"{source} is {why}", hint="the history keeps usual runs of the suite alone")
    states: dict[Case, State] = {}
    slow: dict[Case, float] = {}
    seconds: dict[str, float] = {}
    whole = results.run.complete
    listed: set[str] = set()
    apart = {row.case for row in results.comparison.of_other_version}
    for module in results.modules:
        name, cases = _storable(dotted(module.module)), {case.case: case for case in seen_cases(module)}
        seconds[name] = module.seconds
        if module.complete is not whole:
            listed.add(name)
        for case in cases.values():
            # A test of another version says nothing of this interpreter, as one that was not run.
            state = _NOTHING if case.case in apart else _state(case, cases)
            states[key := Case(name, _storable(case.case))] = state
            if case.seconds >= SLOW_SECONDS:
                slow[key] = case.seconds
    facts = condition_values(results.cell, python=results.build.python, libraries=results.build.libraries)
    setup = Setup(axes=axes_of(results), facts=facts)
    coverage = Coverage(whole=whole, listed=frozenset(listed))
    started = utc(results.run.started)
    about = [results.cell.id, started, results.run.shard, setup.to_text(), coverage.to_text()]
    lines = [f"{case.module}\t{case.name}\t{state}\t{state.steady}" for case, state in states.items()]
    return RecordedRun(
        cell=_storable(results.cell.id),
        started=started,
        source=_storable(source),
        digest=hashlib.sha256("\n".join(about + sorted(lines)).encode(errors="backslashreplace")).hexdigest(),
        setup=setup,
        coverage=coverage,
        states=states,
        seconds=seconds,
        slow=slow,
    )


def stacks_of(needs: StackNeeds) -> dict[Case, int | None]:
    """What the history keeps of measured stacks."""
    return {Case(_storable(dotted(need.module)), _storable(name)): need.needs for name, need in needs.cases.items()}


def _state(case: CaseResult, cases: Mapping[str, CaseResult]) -> State:
    if case.outcome.is_good and not case.tries:
        return _GOOD[case.outcome]
    return State(case.outcome, _storable(signature_of(case)), not (case.is_inconsistent or follows(case, cases)))


def _storable(text: str) -> str:
    """The text without half characters, which JSON may have and UTF-8 has not."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


_NOTHING = State(Outcome.NOT_RUN, steady=False)
_GOOD = {outcome: State(outcome) for outcome in Outcome if outcome.is_good}


def utc(started: str) -> str:
    """A time of results.json as the history writes it. ConfigError for what is none."""
    try:
        return datetime.fromisoformat(started).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(
            f"nobody can tell when the run was: its `started` is {started!r}", hint="run the cell again"
        ) from error
