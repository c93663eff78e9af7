"""What another version of a cell's toolchain, runtime or CPython changes, as one page of Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.report.diff_text import render_differences
from harness.results.cell_results import CellResults
from harness.results.diff import CellDiff, Change, DiffAxis
from harness.results.outcomes import Outcome
from harness.results.verdicts import CaseVerdict
from harness.util.text import counted

# So many cases that are new to the lists are named.
_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class ListChange:
    """What the two runs change in the lists: a patch, and what the updater has to say of it."""

    patch: str = ""
    notes: tuple[str, ...] = ()


def bump_page(pair: CellDiff, pinned: CellResults, new: CellResults, lists: ListChange) -> str:
    """The page on two results and their difference: what was tested, what changed case by case, what is new to the
    lists with the commands that go on from there, and the patch of the lists.
    """
    axes = ", ".join(f"{axis.axis} {axis.before} to {axis.after}" for axis in pair.axes)
    counts = pair.counts()
    found = ", ".join(f"{counts[change]:,} {change.value}" for change in Change if counts[change])
    lines = [
        f"# {new.cell.id}: {axes or 'nothing differs'}",
        "",
        "| | cases | passed | skipped | failed | unexpected |",
        "|---|---|---|---|---|---|",
        *(_row(name, results) for name, results in (("pinned", pinned), ("new", new))),
        "",
        f"{counted(pair.compared, 'case')} compared: {found or 'all as before'}.",
        "",
    ]
    if pair.changes:
        lines += ["## Cases", "", "```", render_differences([pair], [], []).rstrip("\n"), "```", ""]
    if rows := [row for row in new.comparison.unexpected if row not in pinned.comparison.unexpected]:
        lines += [f"## New to the lists: {counted(len(rows), 'case')}", "", *_unexpected(rows, new), ""]
        if bisection := _bisection(rows[0].case, pair, pinned, new):
            lines += [f"The first bad version: `{bisection}`", ""]
    if lists.patch:
        notes = [f"- {note}" for note in lists.notes]
        lines += ["## Lists", "", *notes, "", "```diff", lists.patch.rstrip("\n"), "```"]
    return "\n".join(lines).rstrip("\n") + "\n"


def _row(name: str, results: CellResults) -> str:
    counts = results.counts()
    cases = sum(counts.values())
    unexpected = len(results.comparison.unexpected)
    failed = sum(number for outcome, number in counts.items() if not outcome.is_good)
    numbers = (cases, counts[Outcome.PASS], counts[Outcome.SKIP], failed, unexpected)
    return f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} |"


def _unexpected(rows: list[CaseVerdict], new: CellResults) -> Iterator[str]:
    for row in rows[:_NAMED]:
        what = f"{row.verdict.value}: {row.outcome.value if row.outcome else 'absent'}"
        headline = f" {row.detail.exception}" if row.detail.exception else ""
        yield f"- `{row.case}`: {what}{headline}"
        yield f"    - `{new.run.options.again(new.cell.id, row.case, row.module)}`"
    if len(rows) > _NAMED:
        yield f"- and {counted(len(rows) - _NAMED, 'more case')}"


def _bisection(case: str, pair: CellDiff, pinned: CellResults, new: CellResults) -> str:
    """The command that finds the version at which the case began to differ; empty where no one version differs."""
    axes = {axis.axis for axis in pair.axes}
    traits = new.cell.target.traits
    ends = {
        DiffAxis.TOOLCHAIN: (traits.toolchain_axis, pinned.cell.toolchain, new.cell.toolchain),
        DiffAxis.ENGINE: (new.cell.engine.value, pinned.cell.runtime, new.cell.runtime),
    }
    differing = [end for axis, end in ends.items() if axis in axes and end[0] in traits.bisect_axes]
    if len(differing) != 1:
        return ""
    axis, good, bad = differing[0]
    words = ["bisect", new.cell.id, "--case", case, "--axis", axis, "--good", good, "--bad", bad]
    return new.run.options.line(words)
