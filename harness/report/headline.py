"""The headline of a run: a few sentences about its results, each with the commands to type next. Pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.errors import EXIT_UNAVAILABLE
from harness.report.digest import STALE, RunDigest, UnexpectedCase
from harness.report.newly import listed
from harness.report.since import listed_since
from harness.results.outcomes import Outcome
from harness.results.run_folder import FailedCell
from harness.results.verdicts import Verdict
from harness.util.text import counted

CASES_NAMED = 3
VERSIONS_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One sentence. `mood` is `good`, `bad`, `stale` or `plain`. `commands` are commands to type next, each after the
    text that says what it is for.
    """

    text: str
    mood: str = "plain"
    commands: tuple[tuple[str, str], ...] = ()


def status_line(run: RunDigest) -> str:
    """The state of the run in a few words."""
    if not run.cells and not run.failed:
        return "no cells"
    parts = [f"{run.unexpected:,} unexpected"] if run.unexpected else []
    if run.failed:
        parts.append(f"{counted(len(run.failed), 'cell')} without results")
    if run.unfinished:
        parts.append(
            f"{counted(len(run.unfinished), 'cell')} not run to {'its' if len(run.unfinished) == 1 else 'their'} end"
        )
    return ", ".join(parts) or "as expected"


def statements(run: RunDigest, folder: str) -> tuple[Statement, ...]:
    """The sentences, the most important first. `folder` is the path of the run folder as a user would type it."""
    return (
        _what_ran(run),
        *_newly_skipped(run),
        *_failed(run),
        *_unfinished(run, folder),
        *_regressions(run),
        *_versions(run),
        *_crashes(run),
        *_unsteady(run),
        *_stale(run, folder),
        *_parts(run),
    )


def when(started: str) -> str:
    """A time of results.json in readable form, such as `2026-11-22 03:00 UTC`."""
    return f"{started[:10]} {started[11:16]} UTC" if len(started) >= 16 else started


def _what_ran(run: RunDigest) -> Statement:
    outcomes = sum((cell.counts for cell in run.cells), Counter[Outcome]())
    known = sum(cell.verdicts.get(Verdict.KNOWN, 0) for cell in run.cells)
    unexplained, empty = sum(run.skips.get("", ())), outcomes[Outcome.NO_TESTS]
    parts = [f"{outcomes[Outcome.PASS]:,} passed", f"{outcomes[Outcome.SKIP]:,} skipped"]
    parts[-1] += f" ({unexplained:,} of them not explained)" if unexplained else ""
    parts += [f"{counted(empty, 'module')} without any test"] if empty else []
    parts += [f"{known:,} known to fail"]
    text = f"{counted(run.cases, 'case')} in {counted(len(run.cells), 'cell')}: {', '.join(parts)}"
    if run.is_as_expected:
        return Statement(text=f"{text}. Everything is as expected.", mood="good")
    return Statement(text=f"{text}, {run.unexpected:,} unexpected.")


def _newly_skipped(run: RunDigest) -> Iterator[Statement]:
    """One sentence for each cell that skips modules as a whole which ran in the previous run."""
    for cell in run.cells:
        if cell.newly_skipped:
            number = len(cell.newly_skipped)
            verb = "runs" if number == 1 else "run"
            text = f"{counted(number, 'module')} that ran in {cell.before} {verb} nothing now on {cell.label}"
            yield Statement(text=f"{text}: {listed(cell.newly_skipped)}.", mood="bad")


def _failed(run: RunDigest) -> Iterator[Statement]:
    if run.failed:
        names = ", ".join(f"{failed.label} ({_first_reason(failed)})" for failed in run.failed[:3])
        more = f" and {len(run.failed) - 3:,} more" if len(run.failed) > 3 else ""
        yield Statement(text=f"{counted(len(run.failed), 'cell')} without results: {names}{more}.", mood="bad")


def _unfinished(run: RunDigest, folder: str) -> Iterator[Statement]:
    """One sentence for each cell whose run was interrupted, with the command that resumes it."""
    for cell in run.unfinished:
        again = cell.options.command(cell.cell.id, f"--run-dir={folder}", "--resume")
        yield Statement(
            text=f"{cell.label}: {cell.unfinished}.", mood="bad", commands=((f"the rest of {cell.label}", again),)
        )


def _first_reason(failed: FailedCell) -> str:
    """The first line of the reason why a cell has no results. For something that is not available it is without the
    state before the colon, which would only repeat that.
    """
    first = failed.why.splitlines()[0].rstrip(":")
    state, _, reason = first.partition(": ")
    return reason or state if failed.status == EXIT_UNAVAILABLE else first


def _regressions(run: RunDigest) -> Iterator[Statement]:
    """Sentences about the cases that are wrong, compared with the previous run, and about the axis that has changed
    since then if it is the only one, and the same on all cells.
    """
    new = [case for case in run.wrong if case.is_new]
    unseen = [case for case in run.wrong if not case.is_new and all(hit.is_new is None for hit in case.hits)]
    old = len(run.wrong) - len(new) - len(unseen)
    if run.compared:
        before = ", ".join(sorted({cell.before for cell in run.compared}))
        text = f"{counted(len(new), 'regression') if new else 'No regression'} since the run before ({before})"
        others = [f"{counted(old, 'case')} wrong then already"] if old else []
        others += [f"{counted(len(unseen), 'case')} wrong that it did not run"] if unseen else []
        text = f"{text}{'; ' if others else ''}{', '.join(others)}."
        yield Statement(
            text=text, mood="bad" if new or unseen else "plain", commands=_again(new or unseen or run.wrong)
        )
        changed = {cell.changed_axes for cell in run.compared}
        if len(changed) == 1 and len(axes := changed.pop()) == 1:
            yield Statement(text=f"Since then only one axis has changed: {axes[0]}.")
    elif run.wrong:
        wrong = counted(len(run.wrong), "regression")
        text = f"{wrong}; there is no complete run before to say which are new; `--since RUN` names another."
        yield Statement(text=text, mood="bad", commands=_again(run.wrong))


def _again(cases: Sequence[UnexpectedCase]) -> tuple[tuple[str, str], ...]:
    """The commands that run the first of the cases again, without crashes, which have a sentence of their own."""
    others = [case for case in cases if not any(hit.is_crash for hit in case.hits)]
    return tuple((case.case, case.worst.command) for case in others[:CASES_NAMED])


def _versions(run: RunDigest) -> Iterator[Statement]:
    found = listed_since((case.since, len(case.hits)) for case in run.wrong if case.since)
    if found:
        listed = "; ".join(f"{counted(number, 'case')} since {since}" for since, number in found[:VERSIONS_NAMED])
        more = f"; and {len(found) - VERSIONS_NAMED} more versions" if len(found) > VERSIONS_NAMED else ""
        yield Statement(text=f"The cells side by side say since when: {listed}{more}.", mood="bad")


def _crashes(run: RunDigest) -> Iterator[Statement]:
    crashes = [case for case in run.wrong if any(hit.is_crash for hit in case.hits)]
    if crashes:
        more = f" The first {CASES_NAMED}:" if len(crashes) > CASES_NAMED else ""
        text = f"{counted(len(crashes), 'case')} {'is a crash' if len(crashes) == 1 else 'are crashes'}.{more}"
        worst = [next(hit for hit in case.hits if hit.is_crash) for case in crashes[:CASES_NAMED]]
        yield Statement(text=text, mood="bad", commands=tuple((hit.row.case, hit.command) for hit in worst))


def _unsteady(run: RunDigest) -> Iterator[Statement]:
    """Sentences about flaky cases, and about cases with a known intermittent failure."""
    if run.flaky:
        verb = "changes its" if len(run.flaky) == 1 else "change their"
        yield Statement(
            text=f"{counted(len(run.flaky), 'case')} {verb} mind from try to try.", commands=_again(run.flaky)
        )
    cases = [(case, why) for cell in run.cells for case, why in cell.intermittent]
    if cases:
        case, why = cases[0]
        named = f"{case}, by {why}" + (f", and {len(cases) - 1:,} more" if len(cases) > 1 else "")
        yield Statement(text=f"{counted(len(cases), 'case')} had an intermittent failure: {named}.")


def _stale(run: RunDigest, folder: str) -> Iterator[Statement]:
    if run.stale:
        hits = [hit for case in run.stale for hit in case.hits_of(STALE)]
        entries = {hit.row.place or hit.row.case for hit in hits}
        verb = "entry is" if len(entries) == 1 else "entries are"
        text = f"{len(entries):,} {verb} stale ({counted(len(run.stale), 'case')} now right, or gone)."
        whole = {cell.label for cell in run.cells if cell.complete}
        if whole.isdisjoint(hit.label for hit in hits):
            part = "`update` takes no entry away for a run of a part: change the lists by hand, or run the whole suite."
            yield Statement(text=f"{text} {part}", mood="stale")
            return
        command = f"nox -s update-expectations -- {shlex.quote(folder)}/*/results.json"
        about = "a patch of the lists, once three whole runs agree"
        yield Statement(text=text, mood="stale", commands=((about, command),))


def _parts(run: RunDigest) -> Iterator[Statement]:
    for own in dict.fromkeys(cell.own_tests for cell in run.cells if cell.own_tests):
        yield Statement(text=f"The tests of {own} were run; of the suite nothing is said.")
    for cell in run.cells:
        if cell.other_suite:
            yield Statement(text=f"{cell.label}: {cell.other_suite}.")
    parts = [cell.label for cell in run.cells if not cell.complete and not cell.own_tests]
    if parts:
        named = ", ".join(parts[:3]) + (f" and {len(parts) - 3} more" if len(parts) > 3 else "")
        yield Statement(text=f"Only a part of the suite was run on {named}; of the rest nothing is said.")
