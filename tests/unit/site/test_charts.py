"""Where lines, ticks and strips are drawn."""

from __future__ import annotations

import itertools

import pytest

from harness.history.changes import StateChange
from harness.site.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, nice_ticks, run_charts, strip
from tests.unit.site.samples import nights, site_of

TONES = {0: "absent", 1: "pass", 2: "regression"}


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 0, [0, 1]), (0, 350, [0, 100, 200, 300, 400]), (26_100, 26_300, [26_100, 26_150, 26_200, 26_250, 26_300])],
)
def test_ticks_are_round_and_enclose_the_values(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == ticks


@pytest.mark.parametrize(("low", "high"), list(itertools.combinations_with_replacement([0, 1, 7, 999, 30_000, 1e6], 2)))
def test_ticks_are_few(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= 8


def test_a_chart_has_its_lines_within_its_frame_and_a_text_for_each_run() -> None:
    passed, skipped, failed, time = run_charts(site_of(nights("PPFSP")).cells[0].numbers)
    ((line, points),) = passed.lines
    found = [tuple(map(float, point.split(","))) for point in points.split()]
    assert [x for x, _ in found][:: len(found) - 1] == [LEFT, WIDTH - RIGHT]
    assert all(TOP <= y <= HEIGHT - BOTTOM for _, y in found)
    assert line.values == [2, 2, 1, 1, 2]
    assert [text for *_, text in skipped.columns][3] == "2026-09-04: skipped 1"
    assert failed.summary == "2026-09-01 to 2026-09-05: known from 0 to 0 cases; not in the lists from 0 to 0 cases"
    assert time.ticks[0][1] == "0"


def test_one_run_is_not_a_trend() -> None:
    assert run_charts(site_of(nights("P")).cells[0].numbers) == []


def test_a_strip_has_a_bin_for_each_run() -> None:
    steps = [StateChange(1, 1), StateChange(3, 2)]
    assert strip(steps, 4, TONES) == [("pass", "M1 0h2v1h-2z"), ("regression", "M3 0h1v1h-1z")]


def test_a_bin_of_many_runs_shows_the_worst_of_them() -> None:
    steps = [StateChange(0, 1), StateChange(300, 2), StateChange(301, 1)]
    paths = dict(strip(steps, 480, TONES))
    assert paths["regression"] == "M75 0h1v1h-1z"
    assert paths["pass"] == "M0 0h75v1h-75zM76 0h44v1h-44z"
