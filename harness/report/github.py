"""Workflow commands that GitHub shows as annotations: a regression as an error, a stale entry as a warning. Pure.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message; the
escapes are those of GitHub's toolkit: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.report.digest import STALE, WRONG, Hit, RunDigest, UnexpectedCase
from harness.results.verdicts import Verdict
from harness.util.text import counted, visible

# GitHub shows ten errors and ten warnings of a step. If there are more, the last one says how many.
SHOWN = 10
_PLACE = re.compile(r"(?P<file>.+):(?P<line>\d+)")
_CELLS_NAMED = 5


def github_annotations(run: RunDigest) -> str:
    """The workflow commands, one on each line; empty when there is nothing to report."""
    lines = [_command("error", {"title": failed.label}, f"no results: {failed.why}") for failed in run.failed]
    lines += [_of_case("error", case, case.hits_of(WRONG)) for case in run.wrong]
    warnings = [_of_case("warning", case, case.hits_of(STALE)) for case in run.stale]
    warnings += [_of_case("warning", case, case.hits_of({Verdict.FLAKY})) for case in run.flaky]
    shown = [*_first("error", lines), *_first("warning", warnings)]
    return "".join(f"{line}\n" for line in shown)


def _first(level: str, lines: Sequence[str]) -> Iterator[str]:
    if len(lines) <= SHOWN:
        yield from lines
        return
    yield from lines[: SHOWN - 1]
    more = f"{len(lines) - SHOWN + 1:,} more"
    yield _command(level, {"title": more}, f"{more} of this kind: the summary and the page of the run have them")


def _of_case(level: str, case: UnexpectedCase, hits: Sequence[Hit]) -> str:
    row = hits[0].row
    place = _PLACE.fullmatch(row.place)
    properties = place.groupdict() if place else {}
    properties["title"] = f"{row.verdict}: {case.case}"
    cells = ", ".join(hit.label for hit in hits[:_CELLS_NAMED])
    more = f" and {counted(len(hits) - _CELLS_NAMED, 'more cell')}" if len(hits) > _CELLS_NAMED else ""
    what = ": ".join(part for part in (row.detail.exception, row.detail.message or row.detail.reason) if part)
    lines = [f"{row.outcome or 'no such case'} on {cells}{more}", what]
    if level == "error" and case.since:
        lines.append(f"since {case.since}")
    lines.append(hits[0].command or row.reason)
    return _command(level, properties, "\n".join(line for line in lines if line))


def _command(level: str, properties: dict[str, str], message: str) -> str:
    fields = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    return f"::{level} {fields}::{_escaped(message)}"


def _escaped(text: str, further: str = "") -> str:
    """The text with escapes for the ends of lines, which would end the command, and for the characters in `further`.

    In a property these are comma and colon, which would end it.
    """
    return re.sub(f"[%\r\n{further}]", lambda found: f"%{ord(found[0]):02X}", visible(text))
