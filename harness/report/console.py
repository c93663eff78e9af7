"""The report of one cell for the console, in plain text."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from harness.errors import did_you_mean
from harness.report.newly import NewSkip
from harness.report.newly import listed as newly_listed
from harness.results.case_ids import dotted, wildcard_of
from harness.results.cell_results import CellResults
from harness.results.command_line import RunOptions
from harness.results.outcomes import DEATHS, Detail, ModuleResult, Outcome, judged_cases
from harness.results.signatures import headline_of
from harness.results.verdicts import CaseVerdict, Verdict, cause_of
from harness.util.text import counted, plain
from harness.util.versions import shown_version

ROWS_SHOWN = 50
TAIL_LINES = 10
WASM_LINES = 6
MESSAGE_LINES = 5
SUBTESTS_SHOWN = 5
CAUSES_SHOWN = 6

_LABEL = 11
_Word = TypeVar("_Word", Outcome, Verdict)
_PASSIVE = {
    Outcome.PASS: "passed",
    Outcome.SKIP: "skipped",
    Outcome.NO_TESTS: "without any test",
    Outcome.FAIL: "failed",
    Outcome.ERROR: "with errors",
    Outcome.CRASH: "crashed",
    Outcome.TIMEOUT: "timed out",
    Outcome.EXPECTED_FAILURE: "expected failures",
    Outcome.UNEXPECTED_SUCCESS: "unexpected successes",
    Outcome.NOT_RUN: "not run",
}
_PLURAL = {Verdict.REGRESSION: "regressions"}
_ADVICE = {
    Verdict.FIXED: "it passes now: remove the entry, or narrow its `when`",
    Verdict.CHANGED: "it does something else than its entry says: fix one of the two",
    Verdict.MISSING: "no such case in the suite: remove the entry, or fix its id",
    Verdict.FLAKY: "find out why it changes its mind; an entry that is to know it lists every outcome",
}
_STYLES = {
    "red": "1;31",
    "green": "1;32",
    "yellow": "1;33",
    "magenta": "1;35",
    "bold": "1",
    "dim": "2",
}
# In the order in which the report shows them: the worst first.
_VERDICT_STYLE = {
    Verdict.REGRESSION: "red",
    Verdict.CHANGED: "magenta",
    Verdict.FIXED: "green",
    Verdict.MISSING: "yellow",
    Verdict.FLAKY: "yellow",
    Verdict.KNOWN: "bold",
    Verdict.OTHER_VERSION: "bold",
}


@dataclass(frozen=True, kw_only=True)
class _Page:
    """The width of the page, and whether it has colors."""

    color: bool
    width: int

    def style(self, text: str, name: str) -> str:
        return f"\x1b[{_STYLES[name]}m{text}\x1b[0m" if self.color else text

    def label(self, text: str) -> str:
        return "  " + self.style(f"{text:<{_LABEL}}", "dim")

    def field(self, label: str, text: str) -> Iterator[str]:
        """The lines of a label and its text, which is wrapped and indented behind the label."""
        width = max(20, self.width - _LABEL - 2)
        lines = textwrap.wrap(plain(text), width, break_on_hyphens=False) or [""]
        yield f"{self.label(label)}{lines[0]}"
        yield from (" " * (_LABEL + 2) + line for line in lines[1:])


def render_console(
    results: CellResults,
    *,
    color: bool,
    width: int = 100,
    results_file: str = "",
    skips: str = "",
    newly: Sequence[NewSkip] = (),
    known: Sequence[CaseVerdict] = (),
    go_on: str = "",
) -> str:
    """The report of one cell; its last line is a headline. Control characters in the output of tests are escaped, so
    that they do not reach the terminal.

    `results_file` is the path of the full results, `skips` a line that accounts for the skips. `newly` are the modules
    that are skipped as a whole now and ran in the previous run. `known` are known failures that are to be shown like
    unexpected ones. `go_on` is the command that resumes the run.
    """
    page = _Page(color=color, width=width)
    file = results_file or f"reports/latest/{results.cell.id}/results.json"
    mood = "yellow" if results.run.interrupted else "green"
    lines = [
        *_head(page, results, file, skips, newly),
        *_rows(page, results, known, f"known: {file} has them all"),
        *_rows(page, results, results.comparison.unexpected, f"unexpected: {file} has them all"),
        *([f"{page.label('go on')}{plain(go_on)}"] if go_on and results.run.interrupted else []),
        page.style(_headline(results), mood if results.comparison.is_as_expected else "red"),
    ]
    return "\n".join(lines) + "\n"


def _head(page: _Page, results: CellResults, file: str, skips: str, newly: Sequence[NewSkip]) -> Iterator[str]:
    comparison = results.comparison
    yield page.style(_title(results), "bold")
    yield page.style("-" * page.width, "dim")
    if newly:
        number = f"{counted(len(newly), 'module')} that ran in the run before: "
        yield page.style(f"NEWLY SKIPPED  {plain(number + newly_listed(newly))}", "yellow")
    yield from page.field("modules", _modules(results.modules))
    yield from page.field("cases", _listed(_PASSIVE, results.counts()))
    verdicts = {verdict: _plural(verdict, comparison.counts.get(verdict, 0)) for verdict in Verdict}
    yield from page.field("verdicts", _listed(verdicts, comparison.counts))
    causes = Counter(row.limitation or row.issue for row in comparison.rows if row.verdict is Verdict.KNOWN)
    if causes:
        listed = [f"{cause} {count:,}" for cause, count in causes.most_common(CAUSES_SHOWN)]
        more = len(causes) - len(listed)
        yield from page.field("known", ", ".join([*listed, *([f"and {more} more causes"] if more else [])]))
    if comparison.intermittent:
        cases = (f"{row.case} ({', '.join(row.tries)}; {row.limitation})" for row in comparison.intermittent)
        yield from page.field("sometimes", ", ".join(cases))
    if skips:
        yield from page.field("skips", skips)
    if comparison.followed:
        yield from page.field("followed", f"{comparison.followed:,} not run because of another, judged in their place")
    yield from page.field("part", part) if (part := _part(results)) else ()
    yield from page.field("suite", other) if (other := results.suite_note) else ()
    if results.run.options.randomize:
        yield from page.field("order", f"random: --randomize --randseed {results.run.seed} has it again")
    if why := results.run.no_snapshot:
        yield from page.field(
            "slower", f"every module started the interpreter afresh, as no snapshot can be kept: {why}"
        )
    yield from page.field("results", file)
    yield ""


def _part(results: CellResults) -> str:
    """The part of the suite that was run, in words; empty for the whole suite."""
    run = results.run
    if own := run.options.tests:
        return f"the tests of {own} were run; of the suite nothing is said"
    if run.complete:
        return ""
    if run.changed:
        return f"{run.changed} were run; of the rest nothing is said"
    what = f"shard {run.shard.replace('/', ' of ')}" if run.shard else "only a part of the suite"
    return f"{what} was run; of the rest nothing is said"


def _title(results: CellResults) -> str:
    cell, build = results.cell, results.build
    parts = [
        cell.id,
        f"CPython {build.python or cell.python}",
        f"{cell.target.traits.toolchain_name} {shown_version(build.toolchain) or cell.toolchain}",
        f"{cell.engine.label} {results.engine.get('version') or cell.runtime}",
        f"{results.run.seconds:,.0f} s",
    ]
    return plain(", ".join(parts))


def _modules(modules: Iterable[ModuleResult]) -> str:
    modules = tuple(modules)
    skipped = sum(1 for module in modules if module.outcome is Outcome.SKIP)
    empty = sum(1 for module in modules if module.outcome is Outcome.NO_TESTS)
    not_run = sum(1 for module in modules if module.outcome is Outcome.NOT_RUN)
    ran = len(modules) - skipped - empty - not_run
    bad = sum(1 for module in modules if not module.outcome.is_good) - not_run
    changed = sum(1 for module in modules if module.env_changed)
    words = [f"{ran:,} ran" + (f" ({bad:,} with something that failed)" if bad else "")]
    words += [f"{skipped:,} skipped as a whole"] if skipped else []
    words += [f"{empty:,} without any test"] if empty else []
    words += [f"{not_run:,} not run"] if not_run else []
    words += [f"{changed:,} changed the environment"] if changed else []
    return f"{len(modules):,}: {', '.join(words)}"


def _listed(words: Mapping[_Word, str], counts: Mapping[_Word, int]) -> str:
    parts = [f"{counts[key]:,} {word}" for key, word in words.items() if counts.get(key)]
    return f"{sum(counts.values()):,}: {', '.join(parts)}" if parts else "none"


def _plural(verdict: Verdict, count: int) -> str:
    return _PLURAL.get(verdict, verdict.value) if count != 1 else verdict.value


def _headline(results: CellResults) -> str:
    counts, verdicts = results.counts(), results.comparison.counts
    passed, skipped = counts[Outcome.PASS], counts[Outcome.SKIP]
    summary = (
        f"{plain(results.cell.id)}: {counted(sum(counts.values()), 'case')}, {passed:,} passed, {skipped:,} skipped, "
        f"{verdicts.get(Verdict.KNOWN, 0):,} known"
    )
    if apart := verdicts.get(Verdict.OTHER_VERSION, 0):
        summary += f", {apart:,} of another version"
    unexpected = {verdict: verdicts[verdict] for verdict in Verdict if verdict.is_unexpected and verdicts.get(verdict)}
    listed = ", ".join(f"{count:,} {_plural(verdict, count)}" for verdict, count in unexpected.items())
    found = f"{sum(unexpected.values()):,} UNEXPECTED ({listed})"
    if results.run.interrupted:
        finished = len(results.modules)
        done = f"interrupted: {finished:,} of {finished + results.run.lacking:,} modules finished"
        return f"{summary} -> {found} so far, {done}" if unexpected else f"{summary}, 0 unexpected so far -> {done}"
    return f"{summary} -> {found}" if unexpected else f"{summary}, 0 unexpected -> as expected"


def _rows(page: _Page, results: CellResults, rows: Sequence[CaseVerdict], more: str) -> Iterator[str]:
    """A paragraph for each of the first rows, the worst first; then the number of the other rows, and `more`."""
    order = list(_VERDICT_STYLE)
    rows = sorted(rows, key=lambda row: order.index(row.verdict))
    modules = {module.module: module for module in results.modules}
    differing = set(results.other_suite.differing) if results.other_suite else set()
    for row in rows[:ROWS_SHOWN]:
        suite = ""
        if row.verdict is Verdict.OTHER_VERSION:
            suite = (
                f"CPython {results.build.python} has another test here, or none"
                if row.case in differing
                else "it passes without the tests of another version in its module"
            )
        yield from _row(page, results.cell.id, results.run.options, row, modules.get(row.module), suite=suite)
        yield ""
    if len(rows) > ROWS_SHOWN:
        yield f"... and {len(rows) - ROWS_SHOWN:,} more {more}"
        yield ""


def _row(
    page: _Page, cell_id: str, options: RunOptions, row: CaseVerdict, module: ModuleResult | None, *, suite: str
) -> Iterator[str]:
    case = next((case for case in judged_cases(module) if case.case == row.case), None) if module else None
    detail = case.shown_detail if case and row.detail == Detail() else row.detail
    verdict = page.style(row.verdict.value.upper(), _VERDICT_STYLE[row.verdict])
    yield f"{verdict}  {page.style(plain(row.case), 'bold')}"
    yield from page.field("got", _got(row, detail))
    if row.tries:
        yield from page.field("tries", ", ".join(outcome.value for outcome in row.tries))
    if row.place:
        cause = cause_of(row.limitation, row.issue)
        yield from page.field("expected", f"{row.expectation}, says {row.place} ({cause}: {row.reason})")
    elif row.verdict is Verdict.KNOWN:
        yield from page.field("expected", f"of any case, now and then: {row.limitation}")
    else:
        other = f"; for others {row.elsewhere}" if row.elsewhere else ""
        yield from page.field("expected", f"pass or skip: no entry for this cell names it{other}")
    yield from page.field("suite", suite) if suite else ()
    if advice := _ADVICE.get(row.verdict):
        near = _near(row.case, module) if row.verdict is Verdict.MISSING and module else ""
        yield from page.field("next", f"{advice}; {near}" if near else advice)
    for subtest in (case.subtests if case else ())[:SUBTESTS_SHOWN]:
        yield from page.field("subtest", f"{subtest.params} {subtest.outcome.value}")
    yield from _tail(page, row, detail, module)
    # A missing case cannot run again, but its module can.
    subject = row.case
    if row.verdict is Verdict.MISSING:
        subject = dotted(row.module, own=bool(options.tests)) if row.module else ""
    if subject:
        yield f"{page.label('again')}{plain(options.again(cell_id, subject, row.module))}"


def _near(test: str, module: ModuleResult) -> str:
    """For an entry that matches no case of its module, a question with the nearest names; empty when none is near."""
    cases = {case.case for case in module.cases}
    names = {wildcard_of(case) for case in cases} if test.endswith(".*") else cases
    near = did_you_mean(test, names)
    return near if near.startswith("did you mean") else ""


def _got(row: CaseVerdict, detail: Detail) -> str:
    if row.outcome is None:
        return f"nothing; {detail.reason}" if detail.reason else "nothing"
    # The message of a crash is the whole report of the engine, which already contains the headline.
    text = "" if row.outcome in DEATHS and detail.exception else detail.message or detail.reason
    # The traceback, which is shown below, has all lines of the message.
    text = text.partition("\n")[0] if detail.traceback else text
    what = ": ".join(part for part in (headline_of(detail), text) if part)
    return f"{row.outcome.value}: {what}" if what else row.outcome.value


def _end_of(detail: Detail) -> list[str]:
    """The last lines of a traceback or a stack. If the traceback ends with a long message, such as the difference of
    two lists, only the first lines of that message, so that the lines of source remain visible.
    """
    lines = detail.frames.rstrip().splitlines()
    first = detail.message.partition("\n")[0]
    ends = [number for number, line in enumerate(lines, 1) if first and line.endswith(first)]
    if len(lines) <= TAIL_LINES or not ends:
        return lines[-TAIL_LINES:]
    message = lines[ends[-1] :]
    shown = message[:MESSAGE_LINES]
    if len(message) > len(shown):
        shown = [*shown[:-1], f"... {counted(len(message) - len(shown) + 1, 'more line')}"]
    return [*lines[: ends[-1]][-(TAIL_LINES - len(shown)) :], *shown]


def _tail(page: _Page, row: CaseVerdict, detail: Detail, module: ModuleResult | None) -> Iterator[str]:
    """The last lines of the traceback or of Python's stack, then the first lines of the wasm stack. If the interpreter
    died without either, the last lines of the output.
    """
    died = row.outcome in {Outcome.CRASH, Outcome.TIMEOUT, Outcome.NOT_RUN}
    printed = detail.output or (module.output if module and died and not detail.wasm_stack else "")
    tail = _end_of(detail) if detail.frames else printed.rstrip().splitlines()[-TAIL_LINES:]
    width = max(20, page.width - 4)
    for line in (*tail, *detail.wasm_stack.splitlines()[:WASM_LINES]):
        shown = plain(line.rstrip())
        yield page.style(f"  | {shown if len(shown) <= width else shown[: width - 3] + '...'}", "dim")
