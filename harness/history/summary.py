"""What the runs of one cell say of one case, in a few numbers. Pure."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.history.record import Setup, State
from harness.results.diff import AxisChange, differing_values

NEWEST = 10
"""How many runs at most are the newest ones where durations are compared."""
SLOWER, FASTER = 1.25, 0.8


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """A run as the history knows it."""

    started: str
    source: str
    setup: Setup

    def __str__(self) -> str:
        return f"{self.source} ({self.started[:10]} {self.started[11:16]} UTC)"

    def to_json(self) -> dict[str, Any]:
        return {"run": self.source, "started": self.started}


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What a run saw of a case."""

    run: RunFacts
    state: State


@dataclass(frozen=True, kw_only=True)
class OutcomeChange:
    """A change, and the two runs around it. `axes` are those on which the two differ."""

    before: Sighting
    after: Sighting

    @property
    def axes(self) -> tuple[AxisChange, ...]:
        return differing_values(self.before.run.setup.axes, self.after.run.setup.axes)

    def to_json(self) -> dict[str, Any]:
        return {
            "from": str(self.before.state),
            "to": str(self.after.state),
            "before": self.before.run.to_json(),
            "after": self.after.run.to_json(),
            "axes": [str(axis) for axis in self.axes],
        }


@dataclass(frozen=True, kw_only=True)
class CaseSummary:
    """`runs` counts those that cover the case since it first appeared, `usual` is what most of them saw, the newest
    where several are as frequent, and `agreeing` how many saw it. `steady_for` is how many have seen the same outcome
    up to the newest.

    `changes` counts all changes, `unexplained` those between runs that differ on no axis, and `mixed` the runs within
    which the case changed its mind. A single unexplained change may be a change of what is not recorded.
    """

    runs: int
    usual: State
    agreeing: int
    newest: Sighting
    steady_for: int
    changes: int
    unexplained: int
    mixed: int
    last_change: OutcomeChange | None

    @property
    def is_flaky(self) -> bool:
        return self.mixed > 0 or self.unexplained > 1

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to tell: it was always the same, and good."""
        good = self.usual.outcome is not None and self.usual.outcome.is_good
        return good and not self.changes and not self.mixed

    def to_json(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "usual": self.usual.outcome or "absent",
            "agreeing": self.agreeing,
            "newest": str(self.newest.state),
            "newest_run": self.newest.run.to_json(),
            "steady_for": self.steady_for,
            "flaky": self.is_flaky,
            "changes": self.changes,
            "unexplained_changes": self.unexplained,
            "mixed_runs": self.mixed,
            "last_change": self.last_change.to_json() if self.last_change else None,
        }


def summarize(sights: Sequence[Sighting]) -> CaseSummary | None:
    """The sum of what was seen, the oldest first; None when no run has seen the case."""
    first = next((place for place, sight in enumerate(sights) if sight.state.outcome is not None), None)
    if first is None:
        return None
    sights = sights[first:]
    newest = sights[-1]
    counts = Counter(sight.state.outcome for sight in sights)
    usual = max(reversed(sights), key=lambda sight: counts[sight.state.outcome])
    turns = [
        OutcomeChange(before=before, after=after)
        for before, after in itertools.pairwise(sights)
        if before.state.differs_from(after.state)
    ]
    other = next((n for n, sight in enumerate(reversed(sights)) if sight.state.outcome != newest.state.outcome), None)
    return CaseSummary(
        runs=len(sights),
        usual=usual.state,
        agreeing=counts[usual.state.outcome],
        newest=newest,
        steady_for=len(sights) if other is None else other,
        changes=len(turns),
        unexplained=sum(not turn.axes for turn in turns),
        mixed=sum(sight.state.is_mixed for sight in sights),
        last_change=turns[-1] if turns else None,
    )


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Seconds: the median of the newest runs and of those before them; of a single run there is no before."""

    newest: float
    before: float | None
    runs: int

    @property
    def word(self) -> str:
        """`slower` or `faster` from a quarter on; a tenth of a second more or less is neither."""
        if self.before is None or abs(self.newest - self.before) < 0.1:
            return "steady"
        ratio = self.newest / self.before if self.before else SLOWER
        return "slower" if ratio >= SLOWER else "faster" if ratio <= FASTER else "steady"

    def to_json(self) -> dict[str, Any]:
        return {"newest": self.newest, "before": self.before, "runs": self.runs, "trend": self.word}


def trend(seconds: Sequence[float]) -> Trend | None:
    """How durations have changed, the oldest first; None when there are none."""
    if not seconds:
        return None
    count = min(NEWEST, max(1, len(seconds) // 2))
    newest, before = seconds[-count:], seconds[:-count]
    return Trend(
        newest=round(statistics.median(newest), 3),
        before=round(statistics.median(before), 3) if before else None,
        runs=len(seconds),
    )
