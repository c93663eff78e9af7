"""The shards of a run put together in one run folder, cell by cell: one that cannot be does not stop the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.cache import cache_root
from harness.conditions import libraries_of
from harness.errors import EXIT_CONFIG, EXIT_OK, EXIT_UNEXPECTED, ConfigError, HarnessError
from harness.expectations import Expectations
from harness.matrix import Cell
from harness.prepare import load_lists
from harness.report.cells import ERROR_FILE, RESULTS_FILE, read_row, record_failure, worst_status
from harness.report.merge import merge
from harness.report.results import CellResults, load_results
from harness.run import publish
from harness.suite.order import durations_file, record_durations, seconds_of


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A cell that has no whole results: its exit status, and why."""

    cell: str
    status: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What became of each cell: its whole results, or why there are none."""

    whole: tuple[CellResults, ...]
    failed: tuple[Failed, ...]

    @property
    def status(self) -> int:
        """That of the worst cell."""
        judged = [EXIT_OK if results.comparison.is_as_expected else EXIT_UNEXPECTED for results in self.whole]
        return worst_status([*judged, *(failed.status for failed in self.failed)])


def merge_runs(runs: Sequence[Path], *, wanted: Sequence[Cell] = (), command: str) -> Merged:
    """The cells of all these runs. Of `wanted` each has to be among them. ConfigError when a run holds nothing."""
    gathered = _Gathered()
    for folder in runs:
        gathered.take(folder)
    lists = load_lists()
    whole: list[CellResults] = []
    failed = list(gathered.failed.values())
    for cell, shards in gathered.shards.items():
        if cell in gathered.failed:
            continue
        try:
            whole.append(_whole(shards, lists, command))
        except HarnessError as error:
            failed.append(Failed(cell=cell, status=error.exit_code, why=str(error)))
    absent = (cell.id for cell in wanted if cell.id not in gathered.shards.keys() | gathered.failed.keys())
    failed += (Failed(cell=cell, status=EXIT_CONFIG, why=f"{cell}: no shard of it is there") for cell in absent)
    return Merged(whole=tuple(whole), failed=tuple(failed))


def publish_merged(merged: Merged, folder: Path, *, color: bool) -> str:
    """Writes the results and the failures into the run folder, and gives the page for people. What each module took is
    recorded: the shards of the next run are cut by it.
    """
    pages = []
    for results in merged.whole:
        pages.append(publish(results, folder / results.cell.id, color=color))
        record_durations(durations_file(cache_root(), results.cell.id), seconds_of(results.modules))
    for failed in merged.failed:
        record_failure(folder / failed.cell, failed.status, failed.why)
    return "".join(pages)


@dataclass
class _Gathered:
    """What the runs hold, by cell: shards, and the first word why there is none."""

    shards: dict[str, list[CellResults]] = field(default_factory=dict)
    failed: dict[str, Failed] = field(default_factory=dict)

    def take(self, folder: Path) -> None:
        files = sorted(folder.glob(f"*/{RESULTS_FILE}")) if folder.is_dir() else [folder]
        errors = sorted(folder.glob(f"*/{ERROR_FILE}"))
        if not files and not errors:
            raise ConfigError(f"{folder} holds no results of a cell", hint="name run folders, or files results.json")
        for results in map(load_results, files):
            self.shards.setdefault(results.cell.id, []).append(results)
        for row in filter(None, (read_row(path.parent) for path in errors)):
            self.failed.setdefault(row.cell, Failed(cell=row.cell, status=row.status, why=row.why))


def _whole(shards: Sequence[CellResults], lists: Expectations, command: str) -> CellResults:
    first = shards[0]
    version, libraries = str(first.build.get("python", "")), libraries_of(first.build)
    return merge(shards, lists.for_cell(first.cell, python=version, libraries=libraries), command=command)
