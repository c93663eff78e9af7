"""The summary of a run as Markdown, for the summary of a CI job: short, and with the changes first. Pure.

GitHub accepts at most a mebibyte; the summary is far below that.
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
# Characters with a meaning in Markdown, and at the start of a line also those of lists and rules. An underscore between
# letters or digits has none.
_MEANINGFUL = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])|[\\`*\[\]#|<>~&@]|^[-+=]|(?<=^\d)[.)]")


def render_markdown(run: RunDigest, folder: str) -> str:
    """The Markdown of the run. `folder` is the path of the run folder as a user would type it."""
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
    """Text of any origin in one line, escaped so that Markdown sees no markup and no mention in it."""
    line = " ".join(visible(text).split())
    return _MEANINGFUL.sub(lambda found: "".join(f"&#{ord(character)};" for character in found[0]), line)


def code(text: str) -> str:
    """The text as code in one line. HTML's code element, since a backtick in the text would end Markdown's code."""
    return f"<code>{escaped(text)}</code>" if text else ""


def command(text: str) -> str:
    """A command as code. Markdown's own code has no escapes, so that the command can be copied from the file as well as
    from the rendered page. HTML's code element is used if the command has a character that would end Markdown's.
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
    """The table of the cases that the suite skips by itself, with the statements of the registry that explain them."""
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
