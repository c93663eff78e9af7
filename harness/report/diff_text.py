"""The difference of two runs as text and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from harness.results.diff import CaseChange, CellDiff, Change
from harness.util.text import counted, plain

DIFF_SCHEMA = 1
DIFF_CASES_SHOWN = 20
# For two different cells, which did not change from one into the other: what is true of only one of them.
_OF_PLACES = {
    Change.NEW_CRASH: "crashes only in {after}",
    Change.BROKEN: "wrong only in {after}",
    Change.NEWLY_SKIPPED: "skipped only in {after}",
    Change.NO_TESTS: "without tests only in {after}",
    Change.VANISHED: "only in {before}",
    Change.OTHERWISE: "different in each",
    Change.CRASH_GONE: "crashes only in {before}",
    Change.FIXED: "wrong only in {before}",
    Change.NO_LONGER_SKIPPED: "skipped only in {before}",
    Change.APPEARED: "only in {after}",
}


def _words(change: Change, pair: CellDiff) -> str:
    """The words for a change over time, or for the difference between two cells."""
    return change.value if pair.is_over_time else _OF_PLACES[change].format(before=pair.before, after=pair.after)


def differences_json(
    pairs: Sequence[CellDiff], only_before: Sequence[str], only_after: Sequence[str]
) -> dict[str, Any]:
    """The JSON of `harness diff --json`: every change of every pair, and the cells that only one of the runs has."""
    return {
        "schema": DIFF_SCHEMA,
        "pairs": [pair.to_json() for pair in pairs],
        "only_before": list(only_before),
        "only_after": list(only_after),
    }


def render_differences(
    pairs: Sequence[CellDiff], only_before: Sequence[str], only_after: Sequence[str], *, everything: bool = False
) -> str:
    """A section for each pair with its changes, the worst first, and a headline as its last line. If many cases of a
    module have the same change, only the first ones are named, unless `everything` is set.
    """
    lines: list[str] = []
    for pair in pairs:
        lines += [*_part(pair, DIFF_CASES_SHOWN if not everything else max(len(pair.changes), len(pair.stack))), ""]
    lines += [f"{plain(cell)}: only in the first run" for cell in only_before]
    lines += [f"{plain(cell)}: only in the second run" for cell in only_after]
    return "\n".join(lines).rstrip("\n") + "\n"


def _part(pair: CellDiff, limit: int) -> Iterator[str]:
    for change, group in groupby(pair.changes, key=lambda each: each.change):
        changes = list(group)
        words = _words(change, pair)
        title = words.upper() if pair.is_over_time else f"{words[0].upper()}{words[1:]}"
        yield plain(f"{title}  {counted(len(changes), 'case')}")
        yield from _cases_of(changes, limit)
        yield ""
    if pair.stack:
        yield f"NEEDS MORE STACK  {counted(len(pair.stack), 'case')}"
        yield from (plain(f"  {growth}") for growth in pair.stack[:limit])
        if len(pair.stack) > limit:
            yield f"  ... and {counted(len(pair.stack) - limit, 'more case')} (--all names them)"
        yield ""
    found = pair.counts()
    counts = ", ".join(f"{found[change]:,} {_words(change, pair)}" for change in Change if found[change])
    name = pair.before if pair.before == pair.after else f"{pair.before} -> {pair.after}"
    unknown = f" ({pair.unknown:,} more were asked of only one of the two)" if pair.unknown else ""
    yield plain(f"{name}: {counts or 'no difference'} among {counted(pair.compared, 'case')}{unknown}")
    if pair.explanation:
        why = f"only one axis differs: {pair.explanation}"
    elif pair.axes:
        why = f"several axes differ: {'; '.join(map(str, pair.axes))}"
    else:
        why = "no axis differs: CPython, toolchain, flags, libraries and engine are the same"
    yield plain(f"  {why}")


def _cases_of(changes: Sequence[CaseChange], limit: int) -> Iterator[str]:
    for (module, before, after), group in groupby(changes, key=lambda each: (each.module, each.before, each.after)):
        cases = list(group)
        what = f"{before or 'absent'} -> {after or 'absent'}"
        yield from (plain(f"  {each.case}: {what}") for each in cases[:limit])
        if len(cases) > limit:
            yield plain(f"  ... and {len(cases) - limit:,} more of {module}: {what} (--all names them)")
