"""A run for a CI job's summary: short, and what has changed first. Pure.

GitHub shows at most a mebibyte of it, which this never comes near.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from harness.report.digest import STALE, WRONG, Hit, RunDigest, UnexpectedCase
from harness.report.headline import statements, status_line
from harness.results.outcomes import Outcome
from harness.results.verdicts import Verdict
from harness.util.text import counted, visible

SUMMARY_CASES_SHOWN = 20
CELLS_SHOWN = 30
CELLS_NAMED = 3
SUMMARY_CAUSES_SHOWN = 10
_MESSAGE_LENGTH = 160
# At the start of a line also what makes lists and rules. Between letters and digits an underscore means nothing.
_MEANINGFUL = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])|[\\`*\[\]#|<>~&@]|^[-+=]|(?<=^\d)[.)]")


def render_markdown(run: RunDigest, folder: str) -> str:
    """The page. `folder` is the run's, as a user would type it."""
    icon = "\u2705" if run.is_as_expected else "\u274c"
    lines = [f"## {icon} {escaped(run.name)}: {escaped(status_line(run))}", ""]
    for statement in statements(run, folder):
        lines.append(f"- {escaped(statement.text)}")
        lines += [f"  - {escaped(about)}: {command(line)}" for about, line in statement.commands]
    new = [case for case in run.wrong if case.is_new]
    lines += _cases("New since the run before", new, WRONG)
    other = [case for case in run.wrong if not case.is_new]
    lines += _cases("Wrong before" if new else "Wrong", other, WRONG)
    lines += _cases("Flaky", run.flaky, {Verdict.FLAKY})
    lines += _cases("Stale entries", run.stale, STALE)
    return "\n".join([*lines, *_cells(run), *_skips(run)]) + "\n"


def escaped(text: str) -> str:
    """Text of any origin as plain Markdown in one line: nothing in it is markup or a mention."""
    line = " ".join(visible(text).split())
    return _MEANINGFUL.sub(lambda found: "".join(f"&#{ord(character)};" for character in found[0]), line)


def code(text: str) -> str:
    """The text as code in one line. HTML's own, since a backtick in the text would end Markdown's."""
    return f"<code>{escaped(text)}</code>" if text else ""


def command(text: str) -> str:
    """A command as code, to be copied from the file as well as from what is drawn of it: Markdown's own code, which
    has no escapes, unless the command has what would end it.
    """
    line = visible(text)
    return f"`{line}`" if line and not set(line) & set("`|\n") and line == line.strip() else code(text)


def _cases(title: str, cases: Sequence[UnexpectedCase], wanted: Collection[Verdict]) -> Iterator[str]:
    if not cases:
        return
    yield from ("", f"### {title} ({len(cases):,})", "", "| case | what | where | |", "|---|---|---|---|")
    for case in cases[:SUMMARY_CASES_SHOWN]:
        hits = case.hits_of(wanted)
        named = ", ".join(hit.label for hit in hits[:CELLS_NAMED])
        more = f" and {counted(len(hits) - CELLS_NAMED, 'more cell')}" if len(hits) > CELLS_NAMED else ""
        since = f"<br>since {escaped(str(case.since))}" if case.since else ""
        where = f"{escaped(named)}{more}{since}"
        yield f"| {code(case.case)} | {_what(hits[0])} | {where} | {command(hits[0].command)} |"
    if len(cases) > SUMMARY_CASES_SHOWN:
        yield from ("", f"... and {len(cases) - SUMMARY_CASES_SHOWN:,} more: index.html has them all.")


def _what(hit: Hit) -> str:
    row = hit.row
    said = ": ".join(part for part in (row.detail.exception, row.detail.message or row.detail.reason) if part)
    said = said if len(said) <= _MESSAGE_LENGTH else said[:_MESSAGE_LENGTH] + "..."
    expected = f", expected {' or '.join(row.expected)} ({row.place})" if row.place else ""
    what = f"**{escaped(str(row.outcome or 'no such case'))}**{escaped(expected)}"
    return f"{what}<br>{escaped(said)}" if said else what


def _cells(run: RunDigest) -> Iterator[str]:
    yield from ("", "### Cells", "", "| cell | cases | passed | skipped | known | unexpected | seconds |")
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for failed in run.failed:
        yield f"| {escaped(failed.label)} | {escaped(failed.why.splitlines()[0])} | | | | | |"
    for cell in run.cells[:CELLS_SHOWN]:
        numbers = [
            f"{cell.cases:,}",
            f"{cell.counts[Outcome.PASS]:,}",
            f"{cell.counts[Outcome.SKIP]:,}",
            f"{cell.verdicts.get(Verdict.KNOWN, 0):,}",
            f"**{cell.unexpected:,}**" if cell.unexpected else "0",
            f"{cell.seconds:,.0f}",
        ]
        yield f"| {escaped(cell.label)} | {' | '.join(numbers)} |"
    if len(run.cells) > CELLS_SHOWN:
        yield from ("", f"... and {counted(len(run.cells) - CELLS_SHOWN, 'more cell')}.")


def _skips(run: RunDigest) -> Iterator[str]:
    """What the suite leaves out by itself, and why: the registry's words, not the reasons' own."""
    if not run.skips:
        return
    yield from ("", "### Skips", "", "| because of | skips | cells |", "|---|--:|--:|")
    explained = [(cause, numbers) for cause, numbers in run.skips.items() if cause]
    for cause, numbers in explained[:SUMMARY_CAUSES_SHOWN]:
        yield f"| {code(cause)} | {sum(numbers):,} | {len(numbers):,} |"
    if rest := explained[SUMMARY_CAUSES_SHOWN:]:
        yield f"| {counted(len(rest), 'other')}, in index.html | {sum(sum(numbers) for _, numbers in rest):,} | |"
    if unexplained := run.skips.get(""):
        yield f"| nothing that is known | {sum(unexplained):,} | {len(unexplained):,} |"
