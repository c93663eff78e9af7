"""What all views of a run share: one cell after the other reduced to its numbers and its unexpected cases. Pure.

A cell's results take a hundred times the memory of its digest, and a run may have fifty: they are read one at a time.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from harness.matrix.cells import Cell
from harness.report.newly import NewSkip, newly_skipped
from harness.report.since import Since, first_bad_version
from harness.report.table import row_of
from harness.results.cell_results import CellResults
from harness.results.command_line import DEFAULT, RunOptions
from harness.results.diff import AxisChange, differing_axes
from harness.results.outcomes import Outcome, judged_cases
from harness.results.run_folder import FailedCell
from harness.results.signatures import headline_of
from harness.results.verdicts import CaseVerdict, Verdict
from harness.util.text import counted

# Where everything goes wrong in a cell, the first hits say enough; all are counted, and in its results.json.
HITS_KEPT = 2000
# It is worked out for the worst cases only, since which version they misbehave.
CASES_PARTED = 2000
MESSAGE_LENGTH = 500
# The worst news first.
RANKED_VERDICTS = (Verdict.REGRESSION, Verdict.CHANGED, Verdict.FLAKY, Verdict.FIXED, Verdict.MISSING)
STALE = frozenset({Verdict.FIXED, Verdict.MISSING})
WRONG = frozenset({Verdict.REGRESSION, Verdict.CHANGED})


@dataclass(frozen=True, kw_only=True)
class Before:
    """The run before of a cell: without its modules, whether a module had a case then, and each module's outcome."""

    run: str
    results: CellResults
    had: Callable[[str, str], bool]
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One unexpected verdict on one cell, by its label and its id. `is_new` says that the case ran in the run before
    and was as expected or known there; None when there is no run before, or it does not have the case. `options` are
    those of the run.
    """

    label: str
    cell: str
    row: CaseVerdict
    is_new: bool | None = None
    options: RunOptions = DEFAULT

    @property
    def is_crash(self) -> bool:
        return self.row.outcome is Outcome.CRASH

    @property
    def rank(self) -> tuple[int, int]:
        """For sorting: crashes first, then by verdict and severity."""
        severity = self.row.outcome.severity if self.row.outcome else -1
        return -1 if self.is_crash else RANKED_VERDICTS.index(self.row.verdict), -severity

    @property
    def command(self) -> str:
        """What runs the case again on that cell; empty for one that does not exist."""
        exists = self.row.verdict is not Verdict.MISSING
        return self.options.again(self.cell, self.row.case, self.row.module) if exists else ""


@dataclass(frozen=True, kw_only=True)
class CellDigest:
    """One cell of a run. `hits` are its unexpected verdicts, at most HITS_KEPT of them; `unexpected` counts all.
    `before` names the run that it was compared with, if any; `changed_axes` is what differs from there. `status` is
    the exit status of the cell. `intermittent` are the cases with an intermittent failure, each with the id of its
    limitation. `skips` are counted by the id of what explains them, "" for nothing; None when nobody has asked.
    `options` are those of the run; `other_suite` is a sentence on tests that are those of another CPython.
    `newly_skipped` are the modules that ran in the run before, and run nothing now. `unfinished` says how far a run
    came that somebody interrupted.
    """

    label: str
    cell: Cell
    counts: Counter[Outcome]
    verdicts: Mapping[Verdict, int]
    hits: tuple[Hit, ...]
    unexpected: int
    started: str
    seconds: float
    complete: bool
    status: int
    before: str = ""
    changed_axes: tuple[AxisChange, ...] = ()
    skips: Counter[str] | None = None
    intermittent: tuple[tuple[str, str], ...] = ()
    options: RunOptions = DEFAULT
    other_suite: str = ""
    newly_skipped: tuple[NewSkip, ...] = ()
    unfinished: str = ""

    @property
    def own_tests(self) -> str:
        """Where the user's own tests are, if these were run in the place of the suite."""
        return self.options.tests

    @property
    def cases(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, kw_only=True)
class UnexpectedCase:
    """One case with everything unexpected about it, worst first; `since` when the cells tell the version."""

    case: str
    hits: tuple[Hit, ...]
    since: Since | None = None

    @property
    def worst(self) -> Hit:
        return self.hits[0]

    def hits_of(self, verdicts: Collection[Verdict]) -> list[Hit]:
        """The hits with one of these verdicts, worst first."""
        return [hit for hit in self.hits if hit.row.verdict in verdicts]

    @property
    def is_new(self) -> bool:
        return any(hit.is_new for hit in self.hits)


@dataclass(frozen=True, kw_only=True)
class RunDigest:
    """A whole run. `wrong` are the cases that regressed or do something else than their entry says on a cell, `flaky`
    those that only change their mind, `stale` those whose entry is no longer right.
    """

    name: str
    cells: tuple[CellDigest, ...]
    failed: tuple[FailedCell, ...]
    wrong: tuple[UnexpectedCase, ...]
    flaky: tuple[UnexpectedCase, ...]
    stale: tuple[UnexpectedCase, ...]

    @property
    def is_as_expected(self) -> bool:
        """Nothing is unexpected, and nothing that was asked for has no result."""
        return not any(cell.unexpected for cell in self.cells) and not self.failed and not self.unfinished

    @property
    def unfinished(self) -> tuple[CellDigest, ...]:
        """The cells whose run did not come to its end."""
        return tuple(cell for cell in self.cells if cell.unfinished)

    @property
    def cases(self) -> int:
        return sum(cell.cases for cell in self.cells)

    @property
    def unexpected(self) -> int:
        return sum(cell.unexpected for cell in self.cells)

    @property
    def skips(self) -> Mapping[str, Sequence[int]]:
        """By the id of what explains them, "" for nothing: how many skips on each cell that has any. Most first."""
        found: dict[str, list[int]] = {}
        for cell in self.cells:
            for cause, number in (cell.skips or {}).items():
                found.setdefault(cause, []).append(number)
        return dict(sorted(found.items(), key=lambda item: (-sum(item[1]), item[0])))

    @property
    def compared(self) -> tuple[CellDigest, ...]:
        """The cells that have a run before."""
        return tuple(cell for cell in self.cells if cell.before)


def digest_cell(
    label: str, results: CellResults, before: Before | None = None, explain: Callable[[str], str] | None = None
) -> CellDigest:
    """The cell in short. `label` names it among the others: its id, and the run too where two have the same. `explain`
    gives the id of what explains a reason for a skip, or "".
    """
    rows = results.comparison.unexpected
    unexpected_before = {row.case: row.verdict for row in before.results.comparison.unexpected} if before else {}

    def is_new(row: CaseVerdict) -> bool | None:
        if before is None or (row.verdict is not Verdict.MISSING and not before.had(row.module, row.case)):
            return None
        return unexpected_before.get(row.case) is not row.verdict

    found = [Hit(label=label, cell=results.cell.id, row=row, options=results.run.options) for row in rows]
    worst = sorted(found, key=lambda hit: hit.rank)[:HITS_KEPT]
    return CellDigest(
        label=label,
        cell=results.cell,
        counts=results.counts(),
        verdicts=results.comparison.counts,
        hits=tuple(dataclasses.replace(hit, row=_in_short(hit.row), is_new=is_new(hit.row)) for hit in worst),
        unexpected=len(rows),
        started=results.run.started,
        seconds=results.run.seconds,
        complete=results.run.complete,
        status=row_of(results).status,
        before=before.run if before else "",
        changed_axes=differing_axes(before.results, results) if before else (),
        skips=_skips(results, explain) if explain else None,
        options=results.run.options,
        other_suite=results.suite_note,
        intermittent=tuple((row.case, row.limitation) for row in results.comparison.intermittent),
        newly_skipped=newly_skipped(results.modules, before.outcomes) if before else (),
        unfinished=_unfinished(results),
    )


def _unfinished(results: CellResults) -> str:
    run = results.run
    if not run.interrupted:
        return ""
    asked = len(results.modules) + run.lacking
    return f"interrupted; {len(results.modules):,} of {counted(asked, 'module')} have a result"


def _skips(results: CellResults, explain: Callable[[str], str]) -> Counter[str]:
    """The skips that are as expected, counted by what explains them: one that has a row is known or unexpected for a
    reason of its own.
    """
    with_row = {(row.module, row.case) for row in results.comparison.rows}
    return Counter(
        explain(case.detail.reason)
        for module in results.modules
        for case in judged_cases(module)
        if case.outcome is Outcome.SKIP and (module.module, case.case) not in with_row
    )


def _in_short(row: CaseVerdict) -> CaseVerdict:
    """The row without its traceback and stacks: those of fifty broken cells would be too many."""
    headline, message = headline_of(row.detail), row.detail.message[:MESSAGE_LENGTH]
    detail = msgspec.structs.replace(
        row.detail, exception=headline, message=message, traceback="", python_stack="", wasm_stack="", output=""
    )
    return msgspec.structs.replace(row, detail=detail)


def digest_run(
    name: str,
    cells: Sequence[CellDigest],
    failed: Sequence[FailedCell] = (),
    *,
    passed: Callable[[str, str, str], bool],
) -> RunDigest:
    """The run in short, the cells with the worst news first. `passed` says whether a cell, by its label, has passed the
    case of a module: only then it can tell since when the case fails on others.
    """
    by_case: dict[str, list[Hit]] = {}
    for cell in cells:
        for hit in cell.hits:
            by_case.setdefault(hit.row.case, []).append(hit)
    found = [
        UnexpectedCase(case=case, hits=tuple(sorted(hits, key=lambda hit: (hit.rank, hit.label))))
        for case, hits in by_case.items()
    ]
    found.sort(key=lambda case: (not case.is_new, case.worst.rank, -len(case.hits), case.case))
    cases = [_parted(case, cells, passed) for case in found[:CASES_PARTED]] + found[CASES_PARTED:]
    return RunDigest(
        name=name,
        cells=tuple(sorted(cells, key=lambda cell: -cell.unexpected)),
        failed=tuple(failed),
        wrong=tuple(case for case in cases if case.hits_of(WRONG)),
        flaky=tuple(case for case in cases if case.hits_of({Verdict.FLAKY}) and not case.hits_of(WRONG)),
        stale=tuple(case for case in cases if case.hits_of(STALE)),
    )


def _parted(
    case: UnexpectedCase, cells: Sequence[CellDigest], passed: Callable[[str, str, str], bool]
) -> UnexpectedCase:
    wrong = {hit.label for hit in case.hits_of(WRONG)}
    module = case.worst.row.module
    bad = [cell.cell for cell in cells if cell.label in wrong]
    good = [cell.cell for cell in cells if cell.label not in wrong and passed(cell.label, module, case.case)]
    return dataclasses.replace(case, since=first_bad_version(good, bad)) if bad and good else case
