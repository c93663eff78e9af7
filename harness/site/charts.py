"""Charts as numbers: where lines, ticks and labels stand in an SVG, which a template draws. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from harness.history.changes import StateChange
from harness.site.model import RANKS, RunNumbers

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 12, 26
TICKS, DATES = 4, 5
STRIP_BINS = 120


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line: its name, the class that colors it, and a value for each run."""

    name: str
    css: str
    values: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart: what it shows, in which unit, and everything of it in the units of its SVG. `ticks` are heights and
    labels, `dates` places and labels, `lines` the series with their points, `marks` places where what was tested
    changed and how, `columns` a place, a width and a text for each run. `summary` says the same in words.
    """

    title: str
    summary: str
    ticks: Sequence[tuple[float, str]]
    dates: Sequence[tuple[float, str]]
    lines: Sequence[tuple[Series, str]]
    marks: Sequence[tuple[float, str]]
    columns: Sequence[tuple[float, float, str]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def run_charts(numbers: Sequence[RunNumbers]) -> list[Chart]:
    """What whole runs counted over time; none of less than two runs."""
    if len(numbers) < 2:
        return []
    known = Series(name="known", css="l-known", values=[each.known for each in numbers])
    unlisted = Series(name="not in the lists", css="l-bad", values=[each.unlisted for each in numbers])
    return [
        _chart("cases that passed", "cases", numbers, [_of(numbers, "passed", "l-pass")]),
        _chart("cases that were skipped", "cases", numbers, [_of(numbers, "skipped", "l-skip")]),
        _chart("cases that failed, by today's lists", "cases", numbers, [known, unlisted], from_zero=True),
        _chart(
            "time of the suite, summed over its modules",
            "s",
            numbers,
            [_of(numbers, "seconds", "l-time")],
            from_zero=True,
        ),
    ]


def _of(numbers: Sequence[RunNumbers], name: str, css: str) -> Series:
    return Series(name=name, css=css, values=[getattr(each, name) for each in numbers])


def _chart(
    title: str, unit: str, numbers: Sequence[RunNumbers], series: Sequence[Series], *, from_zero: bool = False
) -> Chart:
    times = [datetime.fromisoformat(each.run.started).timestamp() for each in numbers]
    values = [value for line in series for value in line.values]
    ticks = nice_ticks(0.0 if from_zero else min(values), max(values))
    across = _scale(times[0], times[-1], LEFT, WIDTH - RIGHT)
    up = _scale(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)
    places = [across(time) for time in times]
    texts = [
        f"{each.run.started[:10]}: " + ", ".join(f"{line.name} {line.values[at]:,.0f}" for line in series)
        for at, each in enumerate(numbers)
    ]
    parts = [f"{line.name} from {line.values[0]:,.0f} to {line.values[-1]:,.0f} {unit}" for line in series]
    return Chart(
        title=f"{title} ({unit})",
        summary=f"{numbers[0].run.started[:10]} to {numbers[-1].run.started[:10]}: {'; '.join(parts)}",
        ticks=[(up(tick), f"{tick:,.0f}") for tick in ticks],
        dates=[(across(time), label) for time, label in _dates(times[0], times[-1])],
        lines=[(line, _points(places, [up(value) for value in line.values])) for line in series],
        marks=[
            (place, f"{each.run.started[:10]}: {'; '.join(map(str, each.changed_axes))}")
            for place, each in zip(places, numbers, strict=True)
            if each.changed_axes
        ],
        columns=[(*span, text) for span, text in zip(_columns(places), texts, strict=True)],
    )


def _scale(low: float, high: float, first: float, last: float) -> Callable[[float], float]:
    """Puts values between low and high between first and last, to a tenth."""
    width = high - low or 1.0
    return lambda value: round(first + (value - low) / width * (last - first), 1)


def _points(places: Sequence[float], heights: Sequence[float]) -> str:
    return " ".join(f"{place:g},{height:g}" for place, height in zip(places, heights, strict=True))


def _columns(places: Sequence[float]) -> Iterator[tuple[float, float]]:
    """The left end and the width of what belongs to each place: half way to its neighbors."""
    edges = [places[0], *((one + other) / 2 for one, other in itertools.pairwise(places)), places[-1]]
    for left, right in itertools.pairwise(edges):
        yield round(left, 1), round(max(right - left, 1.0), 1)


def nice_ticks(low: float, high: float) -> list[float]:
    """Round numbers around the values, at most some six."""
    rough = (high - low or max(abs(high) * 0.1, 1.0)) / TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = max(1.0, next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough))
    first = math.floor(low / step)
    last = max(first + 1, math.ceil(high / step))
    return [number * step for number in range(first, last + 1)]


def _dates(first: float, last: float) -> Iterator[tuple[float, str]]:
    begin, end = (datetime.fromtimestamp(each, UTC) for each in (first, last))
    days = max(1, (end - begin).days // (DATES - 1))
    for number in range(DATES):
        date = begin + timedelta(days=days * number)
        if date <= end:
            yield date.timestamp(), f"{date:%Y-%m-%d}"


def strip(steps: Sequence[StateChange], runs: int, tones: Mapping[int, str]) -> list[tuple[str, str]]:
    """A case over the runs of a cell, in at most STRIP_BINS bins: for each tone a path of the bins that have it as
    their worst, each as wide as one. `tones` are those of the states.
    """
    bins = min(runs, STRIP_BINS)
    worst: list[str] = ["absent"] * bins
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        tone = tones[step.state]
        end = following.at if following else runs
        for at in range(step.at * bins // runs, (max(end, step.at + 1) - 1) * bins // runs + 1):
            if RANKS[tone] < RANKS[worst[at]] or worst[at] == "absent":
                worst[at] = tone
    paths: dict[str, str] = {}
    begin = 0
    for at in range(1, bins + 1):
        if at == bins or worst[at] != worst[begin]:
            width = at - begin
            paths[worst[begin]] = paths.get(worst[begin], "") + f"M{begin} 0h{width}v1h-{width}z"
            begin = at
    paths.pop("absent", None)
    return list(paths.items())
