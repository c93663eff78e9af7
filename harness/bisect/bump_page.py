"""What another version of a cell's toolchain, runtime or CPython changes, as one page of Markdown. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from harness.expectations.entries import Expectation
from harness.matrix.conditions import Condition
from harness.report.diff_text import render_differences
from harness.results.cell_results import CellResults
from harness.results.command_line import RunOptions
from harness.results.diff import CaseChange, CellDiff, Change, DiffAxis
from harness.results.outcomes import Outcome
from harness.results.verdicts import CaseVerdict, Verdict
from harness.run.options import BUILD_OPTIONS, TESTS
from harness.util.text import counted
from harness.util.versions import shown_version

# So many cases that are new to the lists are named.
_NAMED = 20
_MODULES_NAMED = 30
_WORSE = frozenset({Change.NEW_CRASH, Change.BROKEN, Change.NEWLY_SKIPPED, Change.NO_TESTS})


@dataclass(frozen=True, kw_only=True)
class ListChange:
    """What the two runs change in the lists: a patch, and what the updater has to say of it."""

    patch: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SkipChange:
    """What the new version means for the skips in CPython's own tests: a patch that adds those that it needs, with what
    is to be said of single tests, and after an audit the table of those that may go and the patch that takes them out.
    """

    added: str = ""
    remarks: tuple[str, ...] = ()
    table: str = ""
    removed: str = ""


@dataclass(frozen=True, kw_only=True)
class Worse:
    """Cases that got worse in the same way: the first of them stands for all. `headline` is the exception, if any."""

    change: Change
    headline: str
    cases: tuple[CaseChange, ...]


@dataclass(frozen=True, kw_only=True)
class FirstBad:
    """What a bisection of the first case of a group has found, in a line, and the file with its steps."""

    group: Worse
    found: str
    report: str = ""


def worse_groups(pair: CellDiff, new: CellResults) -> tuple[Worse, ...]:
    """The cases that got worse, by what they do now: those of one module with the same exception are one group. A case
    that is bisected for each group says most of it, since what one change has broken fails alike.
    """
    headlines = {(each.module, case.case): case.detail.exception for each in new.modules for case in each.cases}
    groups: dict[tuple[Change, str, str], list[CaseChange]] = {}
    for change in pair.changes:
        if change.change in _WORSE:
            headline = headlines.get((change.module, change.case), "")
            groups.setdefault((change.change, change.module, headline), []).append(change)
    return tuple(
        Worse(change=change, headline=headline, cases=tuple(cases)) for (change, _, headline), cases in groups.items()
    )


def bump_page(
    pair: CellDiff,
    pinned: CellResults,
    new: CellResults,
    lists: ListChange,
    *,
    first_bad: Sequence[FirstBad] = (),
    skips: SkipChange = SkipChange(),
) -> str:
    """The page on two results and their difference: what was tested, what changed case by case, what is new to the
    lists with the commands that go on from there, the patches of CPython's skips, and the patch of the lists.
    `first_bad` is what was bisected.
    """
    # The page is for readers elsewhere: no path of this machine.
    options = msgspec.structs.replace(new.run.options, program="python", cache="", project="")
    lines = [
        *_head(pair, pinned, new),
        *_cases(pair, pinned, new),
        *_new_to_the_lists(pair, pinned, new, options, is_bisected=bool(first_bad)),
        *_bisected(pair, new, first_bad),
        *_skips(skips),
        *_lists(lists),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _head(pair: CellDiff, pinned: CellResults, new: CellResults) -> Iterator[str]:
    """The title, the figures of both results, and how many cases changed in which way."""
    axes = ", ".join(f"{axis.axis} {axis.before} to {axis.after}" for axis in pair.axes)
    toolchain, engine = new.cell.target.traits.toolchain_name, new.cell.engine.label
    yield from (f"# {new.cell.id}: {axes or 'nothing differs'}", "")
    yield f"| | CPython | {toolchain} | {engine} | cases | passed | skipped | failed | unexpected |"
    yield "|---|---|---|---|--:|--:|--:|--:|--:|"
    yield from (_row("pinned", pinned), _row("new", new), "")
    counts = pair.counts()
    found = ", ".join(f"{counts[change]:,} {change.value}" for change in Change if counts[change])
    yield f"{counted(pair.compared, 'case')} compared: {found or 'all as before'}."
    yield from (*_part(pinned, new), "")


def _cases(pair: CellDiff, pinned: CellResults, new: CellResults) -> Iterator[str]:
    """The changed cases, and the known causes of those and of the cases that fail as before."""
    if pair.changes:
        yield from ("## Cases", "", "```", render_differences([pair], [], []).rstrip("\n"), "```", "")
    if causes := known_causes(pair, pinned, new):
        yield from ("## Causes that the lists know", "", *causes, "")
    if still := still_failing(pair, new):
        yield from ("## Failing with both", "", *still, "")


def _new_to_the_lists(
    pair: CellDiff, pinned: CellResults, new: CellResults, options: RunOptions, *, is_bisected: bool
) -> Iterator[str]:
    """The cases that are unexpected only now, and how to bisect the first of them unless that has been done."""
    rows = [row for row in new.comparison.unexpected if row not in pinned.comparison.unexpected]
    if not rows:
        return
    yield from (f"## New to the lists: {counted(len(rows), 'case')}", "", *_unexpected(rows, new.cell.id, options), "")
    if not is_bisected and (words := bisection_words(rows[0].case, pair, pinned, new)):
        yield from (f"The first bad version: `{options.line(['bisect', *words])}`", "")


def _bisected(pair: CellDiff, new: CellResults, first_bad: Sequence[FirstBad]) -> Iterator[str]:
    if not first_bad:
        return
    yield from ("## Bisected", "", *map(_first_bad, first_bad), "")
    if left := len(worse_groups(pair, new)) - len(first_bad):
        yield from (f"Not bisected: {counted(left, 'more group')} of cases that got worse (--bisections).", "")


def _lists(lists: ListChange) -> Iterator[str]:
    """The patch of the lists, with what the updater notes on it."""
    if lists.patch:
        notes = [f"- {note}" for note in lists.notes]
        yield from ("## Lists", "", *notes, "", "```diff", lists.patch.rstrip("\n"), "```")


def _row(name: str, results: CellResults) -> str:
    build, cell, counts = results.build, results.cell, results.counts()
    compiler = f"{shown_version(build.toolchain) or cell.toolchain}"
    if llvm := build.toolchain.llvm:
        compiler += f" (LLVM {llvm})"
    versions = (build.python or str(cell.python), compiler, results.engine.get("version") or cell.runtime)
    cases = sum(counts.values())
    unexpected = len(results.comparison.unexpected)
    failed = sum(number for outcome, number in counts.items() if not outcome.is_good)
    numbers = (cases, counts[Outcome.PASS], counts[Outcome.SKIP], failed, unexpected)
    return f"| {name} | {' | '.join([*versions, *(f'{number:,}' for number in numbers)])} |"


def _part(pinned: CellResults, new: CellResults) -> Iterator[str]:
    """A sentence where it was not the whole suite."""
    if pinned.run.complete and new.run.complete:
        return
    modules = sorted({module.module for results in (pinned, new) for module in results.modules})
    named = ", ".join(modules) if len(modules) <= _MODULES_NAMED else counted(len(modules), "module")
    yield f"Only a part of the suite was run: {named}."


def _unexpected(rows: list[CaseVerdict], cell: str, options: RunOptions) -> Iterator[str]:
    for row in rows[:_NAMED]:
        what = f"{row.verdict.value}: {row.outcome.value if row.outcome else 'absent'}"
        headline = f" {row.detail.exception}" if row.detail.exception else ""
        yield f"- `{row.case}`: {what}{headline}"
        yield f"    - `{options.again(cell, row.case, row.module)}`"
    if len(rows) > _NAMED:
        yield f"- and {counted(len(rows) - _NAMED, 'more case')}"


def known_causes(pair: CellDiff, pinned: CellResults, new: CellResults) -> list[str]:
    """A line for each entry's cause by which either side was known to fail on a case that does something else now: the
    limitation or the issue, what became of how many cases, and the reason.
    """
    rows = {(row.module, row.case): row for side in (new, pinned) for row in side.comparison.rows}
    changed = [(rows.get((change.module, change.case)), change.change.value) for change in pair.changes]
    return _by_cause((row, what) for row, what in changed if row)


def still_failing(pair: CellDiff, new: CellResults) -> list[str]:
    """A line for each cause by which cases are known to fail on both sides, with how many."""
    changed = {(change.module, change.case) for change in pair.changes}
    return _by_cause(
        (row, row.outcome.value)
        for row in new.comparison.rows
        if row.verdict is Verdict.KNOWN
        and row.outcome
        and not row.outcome.is_good
        and (row.module, row.case) not in changed
    )


def _by_cause(rows: Iterable[tuple[CaseVerdict, str]]) -> list[str]:
    """A line for each limitation or issue of these cases: what is said of how many of them, and the reason."""
    causes: dict[tuple[str, str], Counter[str]] = {}
    for row, what in rows:
        if cause := row.limitation or row.issue:
            causes.setdefault((cause, row.reason), Counter())[what] += 1
    ordered = sorted(causes.items(), key=lambda item: (-item[1].total(), item[0]))
    return [
        f"- `{cause}`: {', '.join(f'{count} {what}' for what, count in counts.items())}"
        + (f": {reason}" if reason else "")
        for (cause, reason), counts in ordered
    ]


def _skips(skips: SkipChange) -> Iterator[str]:
    """The parts on CPython's own skips."""
    if skips.added or skips.remarks:
        yield from ("## Skips that CPython's tests would need", "", *(f"- {remark}" for remark in skips.remarks))
        yield from ("",) if skips.remarks else ()
        yield from ("```diff", skips.added.rstrip("\n"), "```", "") if skips.added else ()
    if skips.table:
        yield from ("## Skips in CPython's tests that may go", "", skips.table.rstrip("\n"), "")
        patch = ("```diff", skips.removed.rstrip("\n"), "```")
        yield from (*patch, "") if skips.removed else ("No decorator that names the platform can go.", "")


def needed_skips(pair: CellDiff, new: CellResults) -> tuple[Expectation, ...]:
    """What CPython's tests would skip with the new version: an entry for each reason why cases that passed fail now. It
    is the beginning of what the lists know, or the exception. CPython pins one version, so that the skip names the
    platform alone.
    """
    build, cell = new.build, new.cell
    versions = {
        DiffAxis.CPYTHON: f"CPython {build.python}",
        DiffAxis.TOOLCHAIN: f"{cell.target.traits.toolchain_name} {shown_version(build.toolchain) or cell.toolchain}",
        DiffAxis.ENGINE: f"{cell.engine.label} {new.engine.get('version') or cell.runtime}",
    }
    axes = [axis.axis for axis in pair.axes]
    since = " and ".join(version for axis, version in versions.items() if axis in axes) or "the new version"
    known = {(row.module, row.case): row.reason.partition(": ")[0] for row in new.comparison.rows}
    tests: dict[str, list[str]] = {}
    for group in worse_groups(pair, new):
        seen = f"fails with {since}{': ' if group.headline else ''}{group.headline}"
        for change in group.cases if group.change in {Change.NEW_CRASH, Change.BROKEN} else ():
            tests.setdefault(known.get((change.module, change.case)) or seen, []).append(change.case)
    when = Condition((("target", cell.target.value),))
    return tuple(
        Expectation(tests=tuple(cases), outcome=(Outcome.FAIL,), reason=reason, place="", when=when)
        for reason, cases in tests.items()
    )


def _first_bad(found: FirstBad) -> str:
    first, *others = found.group.cases
    alike = f" and {counted(len(others), 'more case')} that now {'does' if len(others) == 1 else 'do'} the same"
    headline = f" ({found.group.headline})" if found.group.headline else ""
    steps = f"; its steps: `{found.report}`" if found.report else ""
    return f"- {found.found}: `{first.case}`{headline}{alike if others else ''}{steps}"


def bisection_words(case: str, pair: CellDiff, pinned: CellResults, new: CellResults) -> list[str]:
    """The arguments of `bisect` that find the version at which the case began to differ; none where no one version
    does.
    """
    axes = {axis.axis for axis in pair.axes}
    traits = new.cell.target.traits
    ends = {
        DiffAxis.TOOLCHAIN: (traits.toolchain_axis, pinned.cell.toolchain, new.cell.toolchain),
        DiffAxis.ENGINE: (new.cell.engine.value, pinned.cell.runtime, new.cell.runtime),
    }
    differing = [end for axis, end in ends.items() if axis in axes and end[0] in traits.bisect_axes]
    if len(differing) != 1:
        return []
    axis, good, bad = differing[0]
    settled = "--toolchain" if axis == traits.toolchain_axis else "--runtime"
    taken = {option.flag for option in (*BUILD_OPTIONS, TESTS)} - {settled}
    others = [word for word in new.run.options.arguments() if word.partition("=")[0] in taken]
    return [new.cell.id, "--case", case, "--axis", axis, "--good", good, "--bad", bad, *others]
