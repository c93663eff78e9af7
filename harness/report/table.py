"""The table of the cells of one run: the numbers of each, or the reason why it has no results."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import (
    EXIT_CONFIG,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNEXPECTED,
)
from harness.results.cell_results import CellResults, load_results
from harness.results.outcomes import Outcome
from harness.results.run_folder import ERROR_FILE, RESULTS_FILE, read_failure, state_without_results
from harness.results.verdicts import Verdict
from harness.util.text import counted, plain


@dataclass(frozen=True, kw_only=True)
class CellNumbers:
    """The columns between cell and state. A number is None if it is unknown, since the cell has no results."""

    cases: int | None = None
    passed: int | None = None
    skipped: int | None = None
    known: int | None = None
    unexpected: int | None = None
    seconds: int | None = None


COLUMNS = ("cell", *(field.name for field in dataclasses.fields(CellNumbers)), "state")


@dataclass(frozen=True, kw_only=True)
class CellRow:
    """One cell. `status` is its exit status, `why` the reason for a state that needs one."""

    cell: str
    state: str
    status: int = EXIT_OK
    numbers: CellNumbers = CellNumbers()
    why: str = ""


def row_of(results: CellResults) -> CellRow:
    """The row of a cell that was tested."""
    counts, verdicts = results.counts(), results.comparison.counts
    unexpected = len(results.comparison.unexpected)
    numbers = CellNumbers(
        cases=sum(counts.values()),
        passed=counts[Outcome.PASS],
        skipped=counts[Outcome.SKIP],
        known=verdicts.get(Verdict.KNOWN, 0),
        unexpected=unexpected,
        seconds=round(results.run.seconds),
    )
    state = f"{unexpected:,} UNEXPECTED" if unexpected else "as expected"
    if apart := verdicts.get(Verdict.OTHER_VERSION, 0):
        state += f", {apart:,} of another version"
    status = EXIT_UNEXPECTED if unexpected else EXIT_OK
    if results.run.interrupted:
        state, status = f"interrupted; {state} so far", EXIT_INTERRUPTED
    elif results.run.options.tests:
        state += ", own tests"
    elif not results.run.complete:
        state += ", in part"
    return CellRow(cell=results.cell.id, state=state, status=status, numbers=numbers)


def failed_row(cell: str, status: int, why: str = "", seconds: int | None = None) -> CellRow:
    """The row of a cell without results."""
    status, state = state_without_results(status)
    return CellRow(cell=cell, state=state, status=status, why=why.strip(), numbers=CellNumbers(seconds=seconds))


def left_out_row(cell: str, why: str) -> CellRow:
    """The row of a cell that is declared as broken, and therefore not tested."""
    return CellRow(cell=cell, state="left out", why=f"declared as broken: {why}")


def read_row(folder: Path) -> CellRow | None:
    """The row of the cell whose results or error are in `folder`; None when the folder has neither."""
    if (folder / ERROR_FILE).is_file():
        status, why = read_failure(folder / ERROR_FILE)
        # A run that was refused did not replace the results of the previous one.
        if status != EXIT_CONFIG or not (folder / RESULTS_FILE).is_file():
            return failed_row(folder.name, status, why)
    if (folder / RESULTS_FILE).is_file():
        return row_of(load_results(folder / RESULTS_FILE))
    return None


def render_cells(rows: Sequence[CellRow]) -> str:
    """The text of the table, followed by the reasons and a headline."""
    lines = [COLUMNS]
    for row in rows:
        numbers = ("-" if value is None else f"{value:,}" for value in dataclasses.astuple(row.numbers))
        lines.append((plain(row.cell), *numbers, row.state))
    cell_width, *widths = (max(map(len, column)) for column in list(zip(*lines, strict=True))[:-1])
    page = []
    for cell, *words, state in lines:
        middle = (f"{word:>{width}}" for word, width in zip(words, widths, strict=True))
        page.append("  ".join([f"{cell:<{cell_width}}", *middle, state]))
    page.insert(1, "-" * max(map(len, page)))
    for row in rows:
        if row.why:
            first, *rest = map(plain, row.why.splitlines())
            page += ["", f"{plain(row.cell)}: {row.state}: {first}", *(f"  {line}" for line in rest)]
    titles = {EXIT_UNEXPECTED: "UNEXPECTED", EXIT_INTERRUPTED: "interrupted"}
    states = Counter(titles.get(row.status, row.state) for row in rows)
    listed = ", ".join(f"{count} {state}" for state, count in states.items())
    return "\n".join([*page, "", f"{counted(len(rows), 'cell')}: {listed}"]) + "\n"
