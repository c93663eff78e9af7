"""What the runs of one cell saw of one case, put together out of steps. Pure."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.history.changes import ABSENT, StateChange, states
from harness.history.record import Coverage, State
from harness.history.summary import CaseSummary, RunFacts, Sighting, summarize
from harness.results.outcomes import NOTHING_RAN


class Kept(NamedTuple):
    """What is kept of one case on one cell. `apart` is what runs saw that say nothing else of the module, `own` the
    steps of the module as such.
    """

    module: str
    steps: tuple[StateChange, ...]
    apart: tuple[StateChange, ...] = ()
    own: tuple[StateChange, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class CellRuns:
    """The runs of one cell, the oldest first, and what each of them has. `states` are all states by number."""

    runs: Sequence[RunFacts]
    coverages: Sequence[Coverage]
    states: Mapping[int, State]
    _covering: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _alike: dict[tuple[int, ...], str] = field(default_factory=dict)

    def covering(self, module: str) -> tuple[int, ...]:
        """The places of the runs that cover all cases of a module."""
        if module not in self._covering:
            places = (place for place, coverage in enumerate(self.coverages) if coverage.has(module))
            self._covering[module] = tuple(places)
        return self._covering[module]

    def seen(self, kept: Kept) -> list[StateChange]:
        """The state that each run saw that says something of the case, by its place. Where nothing of the module ran,
        the case has its state; where it died before its first case, nothing is known of it.
        """
        found = dict(kept.apart)
        runs = self.covering(kept.module)
        for place, state, own in zip(runs, states(kept.steps, runs), states(kept.own, runs), strict=True):
            whole = self.states[own].outcome
            if state == ABSENT and whole in NOTHING_RAN:
                found[place] = own
            elif state != ABSENT or whole is None or whole.is_good:
                found[place] = state
        return [StateChange(place, found[place]) for place in sorted(found)]

    def sights(self, kept: Kept) -> list[Sighting]:
        """The same as runs and states."""
        return [Sighting(run=self.runs[place], state=self.states[state]) for place, state in self.seen(kept)]

    def account(self, kept: Kept) -> CaseSummary | None:
        """The sum of what was seen; None when no run has seen the case."""
        alike = self._alike.setdefault(self.covering(kept.module), kept.module)
        return self._account(kept._replace(module=alike))

    # Nearly all cases are alike, and a year of runs is long.
    @functools.lru_cache(maxsize=65536)  # noqa: B019 - lives as long as the question that is asked
    def _account(self, kept: Kept) -> CaseSummary | None:
        return summarize(self.sights(kept))
