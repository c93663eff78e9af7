"""The table over several cells of one run: what each did, or why it has no results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cache import disk_faults, write_atomically
from harness.errors import (
    EXIT_BUILD,
    EXIT_CONFIG,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNAVAILABLE,
    EXIT_UNEXPECTED,
    ConfigError,
    HarnessError,
)
from harness.outcomes import Outcome
from harness.report import plain
from harness.report.results import CellResults, load_results
from harness.verdicts import Verdict

RESULTS_FILE = "results.json"
ERROR_FILE = "error.json"
COLUMNS = ("cell", "cases", "passed", "skipped", "known", "unexpected", "seconds", "state")

# The worst first: the status of a run is that of its worst cell. A cell that cannot be had on this machine says
# nothing about CPython, so that it weighs less than an unexpected outcome.
WORST_FIRST = (
    EXIT_INTERRUPTED,
    EXIT_INTERNAL,
    EXIT_CONFIG,
    EXIT_BUILD,
    EXIT_UNEXPECTED,
    EXIT_UNAVAILABLE,
    EXIT_OK,
)
_NO_RESULTS = {
    EXIT_CONFIG: "refused",
    EXIT_UNAVAILABLE: "cannot be had here",
    EXIT_BUILD: "not built",
    EXIT_INTERNAL: "internal error",
    EXIT_INTERRUPTED: "interrupted",
}


@dataclass(frozen=True, kw_only=True)
class CellRow:
    """One cell. `numbers` are those of COLUMNS between cell and state; without results only the seconds, if known.

    `status` is its exit status, `why` the reason of a state that does not explain itself.
    """

    cell: str
    state: str
    status: int = EXIT_OK
    numbers: tuple[int | None, ...] = (None,) * 6
    why: str = ""


def worst_status(statuses: Iterable[int]) -> int:
    """The exit status of a run over several cells, by WORST_FIRST; a status of no meaning is an internal error."""
    found = {status if status in WORST_FIRST else EXIT_INTERNAL for status in statuses}
    return next((status for status in WORST_FIRST if status in found), EXIT_OK)


def row_of(results: CellResults) -> CellRow:
    """The row of a cell that was tested."""
    counts, verdicts = results.counts(), results.comparison.counts
    unexpected = len(results.comparison.unexpected)
    numbers = (
        sum(counts.values()),
        counts[Outcome.PASS],
        counts[Outcome.SKIP],
        verdicts.get(Verdict.KNOWN, 0),
        unexpected,
        round(results.run.seconds),
    )
    state = f"{unexpected:,} UNEXPECTED" if unexpected else "as expected"
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
    status = status if status in _NO_RESULTS else EXIT_INTERNAL
    return CellRow(
        cell=cell, state=_NO_RESULTS[status], status=status, why=why.strip(), numbers=(None,) * 5 + (seconds,)
    )


def left_out_row(cell: str, why: str) -> CellRow:
    """The row of a cell that its declaration calls broken."""
    return CellRow(cell=cell, state="left out", why=f"declared as broken: {why}")


def read_row(folder: Path) -> CellRow | None:
    """The row of the cell whose results, or whose error, are in `folder`; None when neither is there."""
    if (folder / ERROR_FILE).is_file():
        return failed_row(folder.name, *_read_failure(folder / ERROR_FILE))
    if (folder / RESULTS_FILE).is_file():
        return row_of(load_results(folder / RESULTS_FILE))
    return None


def _read_failure(path: Path) -> tuple[int, str]:
    """The exit status and the reason. ConfigError for a file that `record_failure` did not write."""
    try:
        failure = json.loads(path.read_text(encoding="utf-8"))
        return int(failure["status"]), str(failure["error"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{path} is not what a cell without results leaves: {error}", hint="remove it, or test the cell again"
        ) from error


def record_error(folder: Path, error: HarnessError) -> None:
    """Leaves in the folder of a cell why it has no results."""
    record_failure(folder, error.exit_code, str(error))


def record_failure(folder: Path, status: int, why: str) -> None:
    """The same, of a failure that was read somewhere."""
    with disk_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"status": status, "error": why}, indent=1)
    write_atomically(folder / ERROR_FILE, text + "\n")


def render_cells(rows: Sequence[CellRow]) -> str:
    """The table, then the reasons, then a headline."""
    lines = [COLUMNS, *((plain(row.cell), *map(_number, row.numbers), row.state) for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(COLUMNS))]
    page = [_line(line, widths) for line in lines]
    page.insert(1, "-" * max(map(len, page)))
    for row in rows:
        if row.why:
            first, *rest = map(plain, row.why.splitlines())
            page += ["", f"{plain(row.cell)}: {row.state}: {first}", *(f"  {line}" for line in rest)]
    return "\n".join([*page, "", _headline(rows)]) + "\n"


def _line(words: Sequence[str], widths: Sequence[int]) -> str:
    middle = [f"{word:>{width}}" for word, width in zip(words[1:-1], widths[1:-1], strict=True)]
    return "  ".join([f"{words[0]:<{widths[0]}}", *middle, words[-1]])


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _headline(rows: Sequence[CellRow]) -> str:
    states: dict[str, int] = {}
    for row in rows:
        state = "UNEXPECTED" if row.status == EXIT_UNEXPECTED else row.state
        states[state] = states.get(state, 0) + 1
    listed = ", ".join(f"{count} {state}" for state, count in states.items())
    return f"{len(rows)} cell{'' if len(rows) == 1 else 's'}: {listed}"
