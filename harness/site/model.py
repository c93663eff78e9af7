"""What the site says of each cell and of each case on it: the steps of the history, held against the lists. Pure."""

from __future__ import annotations

import bisect
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from harness.expectations.compare import judge_outcome
from harness.expectations.entries import CellExpectations, Expectation, Expectations
from harness.history.changes import ABSENT, StateChange
from harness.history.record import Case, State
from harness.history.summary import RunFacts, Trend
from harness.limitations.registry import Registry
from harness.results.diff import AxisChange, DiffAxis, differing_values
from harness.results.outcomes import DEATHS, NOTHING_RAN, Outcome
from harness.results.verdicts import CaseVerdict, Verdict, cause_of

STALE_DAYS = 3
"""A cell whose newest run is older is named: the night may have stopped."""


class Turn(NamedTuple):
    """A change of a case, as the history counts them: the states `old` and `new`, and the places of the two runs around
    it, `before` and `at`. Both runs say something of the case.
    """

    before: int
    at: int
    old: State
    new: State


class CaseOnCell(NamedTuple):
    """One case on one cell. `steps` are the runs at which its state changed, `turns` those of them that are changes,
    `state` is what the newest run saw, `entry` the one of the lists that holds there, and `verdict` the state held
    against it.
    """

    steps: tuple[StateChange, ...]
    state: State
    since: int
    """The place of the run from which on the outcome is the same."""
    turns: tuple[Turn, ...]
    is_flaky: bool
    verdict: Verdict
    entry: Expectation | None

    @property
    def changes(self) -> int:
        return len(self.turns)

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to tell: always the same, good, and no entry says otherwise."""
        return not self.turns and not self.is_flaky and self.verdict is Verdict.AS_EXPECTED and self.state.steady

    @property
    def is_there(self) -> bool:
        return self.state.outcome is not None

    @property
    def cause(self) -> str:
        """The limitation and the issue of the entry; empty where there is none."""
        return cause_of(self.entry.limitation, self.entry.issue) if self.entry else ""

    @property
    def tone(self) -> str:
        """The state by which the page of a run draws such a case."""
        return judged_tone(self.state.outcome, self.verdict) if self.is_there else "absent"


class Difference(NamedTuple):
    """What turns the newest run of a cell red. `number` is that of the case, 0 where the history has no such case: an
    entry that matched nothing is one.
    """

    case: Case
    outcome: Outcome | None
    verdict: Verdict
    number: int

    @property
    def tone(self) -> str:
        return judged_tone(self.outcome, self.verdict)


def judged_tone(outcome: Outcome | None, verdict: Verdict) -> str:
    """The state by which an outcome is drawn that was held against the lists."""
    if verdict is Verdict.AS_EXPECTED:
        return tone_of(outcome)
    is_death = verdict.is_unexpected and verdict is not Verdict.FLAKY and outcome in DEATHS
    return str(outcome if is_death else verdict)


def tone_of(outcome: Outcome | None) -> str:
    """The state by which an outcome as such is drawn."""
    if outcome is None:
        return "absent"
    if outcome is Outcome.EXPECTED_FAILURE:
        return str(Outcome.PASS)
    return str(outcome) if outcome.is_good or outcome in {*DEATHS, Outcome.NOT_RUN} else str(Verdict.REGRESSION)


TONES: Mapping[str, str] = {
    "crash": "C",
    "timeout": "T",
    "regression": "R",
    "changed": "~",
    "flaky": "!",
    "fixed": "F",
    "missing": "?",
    "known": "k",
    "other-version": "v",
    "not-run": "n",
    "no-tests": "0",
    "skip": "s",
    "pass": "",
    "absent": "",
}
"""The states and their letters, the worst first, as the page of a run has them (templates/data.js of the report)."""
RANKS = {tone: rank for rank, tone in enumerate(TONES)}


@dataclass(frozen=True, kw_only=True)
class RunNumbers:
    """What one run of the whole suite saw, counted. `known` and `unlisted` are the cases that are not good: those that
    today's lists name, and the others. `seconds` is the sum over its modules.
    """

    run: RunFacts
    passed: int
    skipped: int
    known: int
    unlisted: int
    seconds: float
    changed_axes: tuple[AxisChange, ...] = ()

    @property
    def cases(self) -> int:
        return self.passed + self.skipped + self.known + self.unlisted

    @property
    def pass_rate(self) -> float:
        """The share of the cases that passed, of those that ran."""
        ran = self.cases - self.skipped
        return self.passed / ran if ran else 0.0

    @property
    def python(self) -> str:
        """The CPython of the run."""
        return axis_of(self.run, DiffAxis.CPYTHON)


def axis_of(run: RunFacts, axis: DiffAxis) -> str:
    """What the run had on an axis, as users name it; empty when it is not recorded."""
    value = run.setup.axes.get(axis)
    return value.named if value else ""


_BRANCH = re.compile(r"\d+\.\d+")


def branch_of(python: str) -> str:
    """`3.14` for 3.14.2; what has no two numbers stays as it is."""
    found = _BRANCH.match(python)
    return found[0] if found else python or "unknown"


@dataclass(frozen=True, kw_only=True)
class Newest:
    """What is known of the newest run of a cell whose files are still there. `unexpected` is what turned it red.
    `skips` counts by their cause, empty for none that is known; `probes` are finding and observation by limitation;
    `messages` what bad cases printed.
    """

    started: str
    unexpected: Sequence[CaseVerdict]
    skips: Mapping[str, int]
    probes: Mapping[str, tuple[str, str]]
    messages: Mapping[Case, str]


@dataclass(frozen=True, kw_only=True)
class SiteCell:
    """A cell: its runs, the oldest first, what each whole run counted, its cases by their numbers, and which of them
    differ from the lists.
    """

    name: str
    runs: Sequence[RunFacts]
    states: Mapping[int, State]
    numbers: Sequence[RunNumbers]
    cases: Mapping[int, CaseOnCell]
    differences: Sequence[Difference]
    seconds: Mapping[str, Trend] = field(default_factory=dict)
    newest: Newest | None = None

    @property
    def last(self) -> RunFacts:
        return self.runs[-1]

    @property
    def counts(self) -> RunNumbers | None:
        """The newest run of the whole suite; None when there is none."""
        return self.numbers[-1] if self.numbers else None

    @property
    def unexpected(self) -> int:
        """How many cases differ from the lists."""
        return len(self.differences)

    @property
    def is_judged_by_run(self) -> bool:
        """Whether the files of the newest run are there, whose own verdicts `differences` then are."""
        return self.newest is not None and self.newest.started == self.last.started

    @property
    def target(self) -> str:
        return str(self.last.setup.facts.get("target", ""))

    @property
    def toolchain(self) -> tuple[int, ...]:
        """Its number, for sorting."""
        return numbers_in(axis_of(self.last, DiffAxis.TOOLCHAIN))

    @property
    def python(self) -> tuple[int, ...]:
        """The number of its CPython, for sorting."""
        return numbers_in(axis_of(self.last, DiffAxis.CPYTHON))

    def days_old(self, now: datetime) -> int:
        """How many whole days ago the newest run began."""
        return max(0, (now - datetime.fromisoformat(self.last.started)).days)

    @property
    def order(self) -> tuple[str, tuple[int, ...], tuple[int, ...], tuple[int, ...], str]:
        """For sorting: by target, then by the versions of toolchain, CPython and runtime."""
        runtime = numbers_in(axis_of(self.last, DiffAxis.ENGINE))
        return self.target, self.toolchain, self.python, runtime, self.name


def numbers_in(text: str) -> tuple[int, ...]:
    """The first number in a version, for sorting: (3, 1, 73) of `Emscripten 3.1.73-git`. What follows it is a commit or
    a date.
    """
    found = re.search(r"\d+(?:\.\d+)*", text, re.ASCII)
    return tuple(map(int, found[0].split("."))) if found else ()


@dataclass(frozen=True, kw_only=True)
class Site:
    """All that the pages are made of. `cases` has every case by its number, by module and name."""

    made: datetime
    cells: Sequence[SiteCell]
    cases: Mapping[int, Case]
    registry: Registry
    expectations: Expectations

    def is_stale(self, cell: SiteCell) -> bool:
        """Whether the cell has not run for days."""
        return cell.days_old(self.made) >= STALE_DAYS


def steps_of(seen: Sequence[StateChange]) -> tuple[StateChange, ...]:
    """Of the states that all runs saw, those that are another one than before. They begin with the first run that has
    the case.
    """
    before = [ABSENT, *(each.state for each in seen)]
    return tuple(each for each, state in zip(seen, before, strict=False) if each.state != state)


def judge_state(state: State, entry: Expectation | None) -> Verdict:
    """The verdict of a list on what the history kept."""
    if state.outcome is None or (state.outcome is Outcome.NOT_RUN and not state.steady):
        return Verdict.AS_EXPECTED
    verdict = judge_outcome(state.outcome, entry, state.signature)
    return Verdict.FLAKY if verdict.is_unexpected and state.is_mixed else verdict


class CaseReader:
    """Makes out of steps what the site says of each case of one cell."""

    def __init__(
        self, runs: Sequence[RunFacts], setups: Sequence[int], states: Mapping[int, State], lists: CellExpectations
    ) -> None:
        self._runs, self._setups, self._states, self._lists = runs, setups, states, lists
        self._alike: dict[tuple[tuple[StateChange, ...], tuple[int, ...]], CaseOnCell] = {}
        self._same: dict[tuple[int, int], bool] = {}

    def case(self, name: str, steps: tuple[StateChange, ...], places: tuple[int, ...]) -> CaseOnCell:
        """The case of that name. `places` are those of the runs that say something of it."""
        entry = self._lists.lookup(name)
        if entry is None:
            # Nearly all cases are alike.
            key = steps, places
            if key not in self._alike:
                self._alike[key] = self._made(steps, places, None)
            return self._alike[key]
        return self._made(steps, places, entry)

    def _made(self, steps: tuple[StateChange, ...], places: tuple[int, ...], entry: Expectation | None) -> CaseOnCell:
        states = self._states
        newest = states[steps[-1].state]
        turns = tuple(
            Turn(places[bisect.bisect_left(places, at) - 1], at, states[before.state], states[state])
            for before, (at, state) in itertools.pairwise(steps)
            if states[before.state].differs_from(states[state])
        )
        since = len(steps) - 1
        while since and states[steps[since - 1].state].outcome == newest.outcome:
            since -= 1
        is_mixed = any(states[step.state].is_mixed for step in steps)
        return CaseOnCell(
            steps=steps,
            state=newest,
            since=steps[since].at,
            turns=turns,
            is_flaky=is_mixed or sum(map(self._is_unexplained, turns)) > 1,
            verdict=judge_state(newest, entry),
            entry=entry,
        )

    def _is_unexplained(self, turn: Turn) -> bool:
        """Whether the two runs around it are the same on every axis."""
        pair = self._setups[turn.before], self._setups[turn.at]
        if pair not in self._same:
            axes = self._runs[turn.before].setup.axes, self._runs[turn.at].setup.axes
            self._same[pair] = pair[0] == pair[1] or not differing_values(*axes)
        return self._same[pair]


def count_runs(
    cases: Mapping[int, CaseOnCell],
    names: Mapping[int, Case],
    states: Mapping[int, State],
    places: Sequence[int],
    lists: Sequence[CellExpectations],
) -> list[Counter[str]]:
    """For each of the `places`, which are runs of the whole suite in order, how many cases passed, were skipped, are
    known, or are not in the lists. `lists` has what holds for each of the places.
    """
    found: list[Counter[str]] = [Counter() for _ in range(len(places) + 1)]
    alike: Counter[tuple[int, int, str]] = Counter()
    for number, case in cases.items():
        for begin, end, state in spans(case.steps, places):
            if states[state].outcome is not None:
                for first, last, what in _judged(states[state], begin, end, names[number].name, lists):
                    alike[first, last, what] += 1
    for (first, last, what), count in alike.items():
        found[first][what] += count
        found[last][what] -= count
    for before, after in itertools.pairwise(found):
        after.update(before)
    return found[:-1]


def _judged(
    state: State, begin: int, end: int, name: str, lists: Sequence[CellExpectations]
) -> Iterator[tuple[int, int, str]]:
    """What a state from one place to another counts as, cut where other lists hold."""
    outcome = state.outcome
    if outcome is not None and outcome.is_good:
        yield begin, end, "skipped" if outcome in NOTHING_RAN else "passed"
        return
    for each, group in itertools.groupby(range(begin, end), key=lambda place: id(lists[place])):
        del each
        block = list(group)
        verdict = judge_state(state, lists[block[0]].lookup(name))
        yield block[0], block[-1] + 1, "unlisted" if verdict.is_unexpected else "known"


def spans(steps: Sequence[StateChange], places: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """From which to which of the `places` (by their index, the end excluded) each state holds."""
    for step, following in itertools.zip_longest(steps, steps[1:]):
        begin = bisect.bisect_left(places, step.at)
        end = bisect.bisect_left(places, following.at) if following else len(places)
        if begin < end:
            yield begin, end, step.state
