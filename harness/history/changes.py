"""What one case did on one cell over time, as the steps at which it changed. Pure.

Runs are numbered by their place in time among all runs of the cell. A step stands at each run that saw something else
than the run before it that has the case; before its first step a case is `ABSENT`. So there is exactly one way to
write down what the runs saw, in whatever order they were recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

ABSENT = 0
"""The number of the state of a case that a run would have had, and had not."""


class StateChange(NamedTuple):
    """From the run `at` on the case is in the state with that number."""

    at: int
    state: int


class Edit(NamedTuple):
    """The steps that a run adds, and the places of those that it makes superfluous."""

    put: tuple[StateChange, ...] = ()
    drop: tuple[int, ...] = ()


NOTHING = Edit()


def changed_cases(before: Mapping[int, int], now: Mapping[int, int]) -> set[int]:
    """The cases whose state is not the same in both; one that is not in either is absent there."""
    return {case for case, _ in before.items() ^ now.items()}


def insert(steps: Sequence[StateChange], at: int, state: int, following: int | None) -> Edit:
    """What changes when the run `at`, which is new, saw `state`. `following` is the next run with the case.
    `steps` are in order, and numbered as if the new run were there already.
    """
    before = next((step.state for step in reversed(steps) if step.at < at), ABSENT)
    if state == before:
        return NOTHING
    new = StateChange(at, state)
    if following is None:
        return Edit((new,))
    held = next((step.state for step in steps if step.at == following), None)
    if held is None:
        return Edit((new, StateChange(following, before)))
    return Edit((new,), (following,) if held == state else ())


def states(steps: Sequence[StateChange], runs: Sequence[int]) -> Iterator[int]:
    """The state at each of those runs, which are in order and all cover the case."""
    waiting = iter(steps)
    upcoming = next(waiting, None)
    state = ABSENT
    for run in runs:
        while upcoming is not None and upcoming.at <= run:
            state = upcoming.state
            upcoming = next(waiting, None)
        yield state
