"""The digest of a run, which all views share: for each cell its numbers and its unexpected cases. Pure.

The results of a cell take a hundred times the memory of its digest, and a run may have fifty cells, so that the results
are read one at a time.
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

# If everything goes wrong in a cell, the first hits are enough. All are counted, and results.json has all of them.
HITS_KEPT = 2000
# The version since which a case misbehaves is computed for the worst cases only.
CASES_PARTED = 2000
MESSAGE_LENGTH = 500
# The worst first.
RANKED_VERDICTS = (Verdict.REGRESSION, Verdict.CHANGED, Verdict.FLAKY, Verdict.FIXED, Verdict.MISSING)
STALE = frozenset({Verdict.FIXED, Verdict.MISSING})
WRONG = frozenset({Verdict.REGRESSION, Verdict.CHANGED})


@dataclass(frozen=True, kw_only=True)
class Before:
    """The previous run of a cell. `results` is without modules. `had` says whether a module had a case in that run, and
    `outcomes` has the outcome of each module.
    """

    run: str
    results: CellResults
    had: Callable[[str, str], bool]
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One unexpected verdict on one cell; `label` and `cell` are the cell's label and id. `is_new` says that the case
    did not have this verdict in the previous run; None when there is no previous run, or it does not have the case.
    `options` are those of the run.
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
        """The sort key: crashes first, then by verdict and severity."""
        severity = self.row.outcome.severity if self.row.outcome else -1
        return -1 if self.is_crash else RANKED_VERDICTS.index(self.row.verdict), -severity

    @property
    def command(self) -> str:
        """The command that runs the case again on that cell; empty for a case that does not exist."""
        exists = self.row.verdict is not Verdict.MISSING
        return self.options.again(self.cell, self.row.case, self.row.module) if exists else ""


@dataclass(frozen=True, kw_only=True)
class CellDigest:
    """One cell of a run. `hits` are its unexpected verdicts, at most HITS_KEPT of them; `unexpected` counts all.
    `before` names the previous run that the cell was compared with, if any; `changed_axes` are the axes that differ
    from it. `status` is the exit status of the cell. `intermittent` are the cases with an intermittent failure, each
    with the id of its limitation. `skips` counts the skips by the id of what explains them, "" for unexplained ones; it
    is None if no explanations were available. `options` are those of the run. `other_suite` is a sentence about tests
    of another version of CPython. `newly_skipped` are the modules that ran in the previous run and run nothing now.
    `unfinished` says how far an interrupted run came.
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
        """The folder of the user's own tests, if these were run instead of the suite; else empty."""
        return self.options.tests

    @property
    def cases(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, kw_only=True)
class UnexpectedCase:
    """One case with all its unexpected verdicts, the worst first. `since` is the version since which it misbehaves, if
    the cells of the run show that.
    """

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
    """A whole run. `wrong` are the cases that regressed or changed on some cell, `flaky` those that are flaky and not
    wrong anywhere, `stale` those whose entry no longer holds.
    """

    name: str
    cells: tuple[CellDigest, ...]
    failed: tuple[FailedCell, ...]
    wrong: tuple[UnexpectedCase, ...]
    flaky: tuple[UnexpectedCase, ...]
    stale: tuple[UnexpectedCase, ...]

    @property
    def is_as_expected(self) -> bool:
        """Whether nothing is unexpected, and every requested cell and module has a result."""
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
        """The numbers of skips on the cells that have any, by the id of what explains these skips, "" for unexplained
        ones. The id with the most skips comes first.
        """
        found: dict[str, list[int]] = {}
        for cell in self.cells:
            for cause, number in (cell.skips or {}).items():
                found.setdefault(cause, []).append(number)
        return dict(sorted(found.items(), key=lambda item: (-sum(item[1]), item[0])))

    @property
    def compared(self) -> tuple[CellDigest, ...]:
        """The cells that have a previous run."""
        return tuple(cell for cell in self.cells if cell.before)


def digest_cell(
    label: str, results: CellResults, before: Before | None = None, explain: Callable[[str], str] | None = None
) -> CellDigest:
    """The digest of a cell. `label` names it among the others: its id, with the run if two have the same id. `explain`
    returns the id of the limitation or circumstance that explains a reason for a skip, or "".
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
    """The number of skips by the id of what explains them. A skip that has a row in the comparison is not counted: it
    is known or unexpected for another reason.
    """
    with_row = {(row.module, row.case) for row in results.comparison.rows}
    return Counter(
        explain(case.detail.reason)
        for module in results.modules
        for case in judged_cases(module)
        if case.outcome is Outcome.SKIP and (module.module, case.case) not in with_row
    )


def _in_short(row: CaseVerdict) -> CaseVerdict:
    """The row without traceback, stacks and output, since those of fifty broken cells would take too much memory."""
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
    """The digest of a run; the cells with the most unexpected cases come first. `passed` says whether a cell, by its
    label, has passed a case of a module. Only such cells show since which version the case fails on others.
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
