"""Merges the shards of a run into one run folder, cell by cell. If a cell cannot be merged, the others still are."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import (
    EXIT_CONFIG,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNEXPECTED,
    ConfigError,
    HarnessError,
)
from harness.expectations.compare import compare, set_apart
from harness.expectations.entries import CellExpectations
from harness.expectations.files import load_lists
from harness.report.table import read_row
from harness.results.cell_results import CellResults, OtherSuite, RunInfo, Work, load_results
from harness.results.outcomes import ModuleResult
from harness.results.run_folder import (
    ERROR_FILE,
    RESULTS_FILE,
    FailedCell,
    finished_modules,
    record_failure,
    worst_status,
)
from harness.results.verdicts import Comparison
from harness.run.publish import publish
from harness.suite.durations import durations_file, read_case_durations, record_run
from harness.suite.parts import joined
from harness.suite.shards import parse_shard
from harness.util.cache import cache_root
from harness.util.files import disk_errors_as_unavailable
from harness.util.paths import shown


@dataclass(frozen=True, kw_only=True)
class Merged:
    """The merged cells: the whole results of each, or the reason why it has none."""

    whole: tuple[CellResults, ...]
    failed: tuple[FailedCell, ...]

    @property
    def status(self) -> int:
        """The exit status of the worst cell."""
        judged = [EXIT_OK if results.comparison.is_as_expected else EXIT_UNEXPECTED for results in self.whole]
        return worst_status([*judged, *(failed.status for failed in self.failed)])


def merge_runs(runs: Sequence[Path], *, wanted: Mapping[str, str], command: str) -> Merged:
    """The merged cells of all these runs. A cell of `wanted` without any shard is a failure. `wanted` has the build of
    each cell, since of the cells that share a build only the first is built, and reports it if that fails. ConfigError
    when a run does not exist, or when none of them has results.
    """
    gathered = _Gathered()
    for run in runs:
        gathered.take(run)
    if not gathered.shards and not gathered.failed:
        named = ", ".join(map(str, runs))
        raise ConfigError(f"{named} holds no results of a cell", hint="name run folders, or files results.json")
    lists = load_lists()
    whole: list[CellResults] = []
    failed = dict(gathered.failed)
    for cell, shards in gathered.shards.items():
        build = shards[0].build
        try:
            expectations = lists.for_cell(shards[0].cell, python=build.python, libraries=build.libraries)
            order = read_case_durations(durations_file(cache_root(), cell))
            whole.append(merge(shards, expectations, command=command, order=order))
            # A failure does not count if the results are whole, such as after a job that was run again.
            failed.pop(cell, None)
        except HarnessError as error:
            why = str(error).removeprefix(f"{cell}: ")
            failed.setdefault(cell, FailedCell(label=cell, status=error.exit_code, why=why))
    unbuilt = {wanted.get(cell): why for cell, why in failed.items() if why.is_unbuilt and cell not in gathered.shards}
    for cell in [cell for cell in wanted if cell not in gathered.shards.keys() | failed.keys()]:
        status, why = EXIT_CONFIG, "no shard of it is there"
        if other := unbuilt.get(wanted[cell]):
            status, why = other.status, f"{why}, nor of {other.label}, whose build it shares: {other.why}"
        failed[cell] = FailedCell(label=cell, status=status, why=why)
    return Merged(whole=tuple(whole), failed=tuple(failed.values()))


def check_apart(folder: Path, runs: Sequence[Path]) -> None:
    """ConfigError when the folder is one of the runs, whose files would be lost."""
    for run in runs:
        if folder.resolve() == (run.resolve().parent.parent if run.is_file() else run.resolve()):
            raise ConfigError(f"{folder} is one of the runs to merge", hint="name another folder with --run-dir DIR")


def check_not_tested(folder: Path, cells: Iterable[str]) -> None:
    """ConfigError when the folder has a run that tested one of the cells, since only merged results may be replaced."""
    if tested := [cell for cell in cells if finished_modules(folder / cell)]:
        raise ConfigError(
            f"{shown(folder / tested[0])} has the results of a run that tested the cell",
            hint="name another folder with --run-dir DIR",
        )


def publish_merged(merged: Merged, folder: Path, *, color: bool) -> str:
    """Writes the results and failures into the run folder, where they replace older ones, and returns the page for the
    console. The durations of modules are recorded, since the shards of the next run are cut by them.
    """
    pages = []
    for results in merged.whole:
        pages.append(publish(results, folder / results.cell.id, color=color))
        (folder / results.cell.id / ERROR_FILE).unlink(missing_ok=True)
        record_run(durations_file(cache_root(), results.cell.id), results.modules)
    for failed in merged.failed:
        with disk_errors_as_unavailable(folder):
            for name in (RESULTS_FILE, "junit.xml"):
                (folder / failed.label / name).unlink(missing_ok=True)
        record_failure(folder / failed.label, failed.status, failed.why)
    return "".join(pages)


@dataclass
class _Gathered:
    """The contents of the runs by cell: the shards, and the first reason why a cell has none."""

    shards: dict[str, list[CellResults]] = field(default_factory=dict)
    failed: dict[str, FailedCell] = field(default_factory=dict)

    def take(self, run: Path) -> None:
        """Adds everything of the run that is readable, and the reasons for what is not."""
        if not run.exists():
            raise ConfigError(f"{run} does not exist", hint="name run folders, or files results.json")
        if run.is_file():
            self._read(run)
        for cell in sorted(run.glob("*")):
            if file := next(filter(Path.is_file, (cell / RESULTS_FILE, cell / ERROR_FILE)), None):
                self._read(file)
            elif any((cell / name).is_dir() for name in _STARTED):
                self._fail(cell.name, EXIT_INTERRUPTED, f"{cell}: it was killed before it could write its results")

    def _read(self, path: Path) -> None:
        try:
            if path.name != ERROR_FILE:
                results = load_results(path)
                self.shards.setdefault(results.cell.id, []).append(results)
            elif row := read_row(path.parent):
                self._fail(row.cell, row.status, row.why)
        except ConfigError as error:
            self._fail(path.resolve().parent.name, error.exit_code, str(error))

    def _fail(self, cell: str, status: int, why: str) -> None:
        self.failed.setdefault(cell, FailedCell(label=cell, status=status, why=why))


# What the folder of a cell has as soon as its run has started. A workflow may keep only the logs of these.
_STARTED = ("modules", "journal", "logs")


def merge(
    shards: Sequence[CellResults],
    expectations: CellExpectations,
    *,
    command: str,
    order: Mapping[str, Iterable[str]] | None = None,
) -> CellResults:
    """The results of a whole cell, merged from those of all its shards in any order, and judged by `expectations`.
    `order` has by module the order of the cases in modules that are joined from parts. The `seconds` of the result are
    those of the longest shard.

    ConfigError when they are not the shards of one run: if builds, engines or ways of cutting differ, if a shard is
    missing, duplicate or was not run to its end, or if a run tested only some cases.
    """
    first = shards[0]
    for name, facts in _facts(first).items():
        if other := next((shard for shard in shards if _facts(shard)[name] != facts), None):
            raise ConfigError(
                f"{_title(first)} and {_title(other)} are not of one run: they have another {name}",
                hint="run all shards of one build with the same --cut-by FILE",
            )
    _check_whole(shards)
    modules = _whole_modules(shards, order)
    run = RunInfo(
        started=min(shard.run.started for shard in shards),
        seconds=max(shard.run.seconds for shard in shards),
        command=command,
        complete=True,
        seed=first.run.seed,
        options=first.run.options,
        fail_env_changed=any(shard.run.fail_env_changed for shard in shards),
        no_snapshot=next(filter(None, (shard.run.no_snapshot for shard in shards)), ""),
        work=tuple(work for shard in sorted(shards, key=_number) for work in _work(shard)),
    )
    expectations = dataclasses.replace(expectations, fail_env_changed=run.fail_env_changed)
    comparison = compare(modules, expectations, complete=True)
    other_suite = _other_suite(shards, comparison)
    if other_suite:
        comparison = set_apart(comparison, other_suite.differing)
    return msgspec.structs.replace(first, modules=modules, run=run, comparison=comparison, other_suite=other_suite)


def _whole_modules(
    shards: Sequence[CellResults], order: Mapping[str, Iterable[str]] | None
) -> tuple[ModuleResult, ...]:
    """All modules of the shards, sorted by name; the parts of modules that are cut are joined."""
    found: dict[str, list[ModuleResult]] = {}
    for shard in sorted(shards, key=_number):
        for module in shard.modules:
            found.setdefault(module.module, []).append(module)
    for name, results in found.items():
        # A whole module counts as its only part.
        ran = sorted(number for result in results for number in (result.parts.numbers if result.parts else (1,)))
        count = results[0].parts.count if results[0].parts else 1
        if ran != list(range(1, count + 1)):
            raise ConfigError(
                f"{shards[0].cell.id}: the shards have not each part of {name} once", hint="run all of them again"
            )
    return tuple(
        joined(results, (order or {}).get(name, ())) if results[0].parts else results[0]
        for name, results in sorted(found.items())
    )


def _other_suite(shards: Sequence[CellResults], comparison: Comparison) -> OtherSuite | None:
    """The differences from a suite of another version, if the shards have one. If a shard could not compare the
    versions, only the reason for that.
    """
    known = [shard.other_suite for shard in shards if shard.other_suite]
    if why := next((each.not_compared for each in known if each.not_compared), ""):
        return OtherSuite(not_compared=why)
    differing = {case for each in known for case in each.differing}
    unexpected = tuple(row.case for row in comparison.unexpected if row.case in differing)
    return OtherSuite(differing=unexpected, compared=known[0].compared) if known else None


def _number(shard: CellResults) -> int:
    return parse_shard(shard.run.shard or "1/1").number


def _work(shard: CellResults) -> Iterable[Work]:
    """The work of the workers of a shard. Its number is added to their names, which are the same in all shards."""
    of_shard = f" of shard {shard.run.shard}" if shard.run.shard else ""
    return (msgspec.structs.replace(work, worker=f"{work.worker}{of_shard}") for work in shard.run.work)


def _facts(results: CellResults) -> Mapping[str, Any]:
    """The values that all shards of a run must have in common, by their names in an error."""
    return {
        "cell": results.cell,
        "build": results.build.identity,
        "engine": results.engine.get("version"),
        "seed": results.run.seed,
        "order": results.run.options.randomize,
        "number of shards": parse_shard(results.run.shard or "1/1").count,
        "cut": results.run.plan,
    }


def _check_whole(shards: Sequence[CellResults]) -> None:
    for shard in shards:
        if own := shard.run.options.tests:
            raise ConfigError(f"{shard.cell.id}: a run of own tests, {own}, is no shard", hint="leave it out")
    cell = shards[0].cell.id
    if len(shards) > 1 and not shards[0].run.shard:
        raise ConfigError(
            f"{cell}: the {len(shards)} runs are no shards of one",
            hint="shards are runs with --shard K/N; `python -m harness diff` compares two runs",
        )
    numbers = Counter(map(_number, shards))
    count = parse_shard(shards[0].run.shard or "1/1").count
    if twice := [f"{number}/{count}" for number, times in numbers.items() if times > 1]:
        raise ConfigError(f"{cell}: the shard {', '.join(twice)} is there more than once", hint="name each shard once")
    if missing := [number for number in range(1, count + 1) if number not in numbers]:
        some, them = ("shard", "it") if len(missing) == 1 else ("shards", "them")
        which = f"{some} {ranges(missing)} of {count}"
        raise ConfigError(f"{cell}: without the {which} it is not whole", hint=f"run {them} too")
    for shard in shards:
        if shard.run.interrupted or shard.run.lacking:
            raise ConfigError(
                f"{_title(shard)} was not run to its end: {shard.run.lacking} of its modules have no result",
                hint="go on with it: the same command with --run-dir DIR --resume",
            )
        # The run tested all that was selected, but that was not the whole suite.
        if not shard.run.shard and not shard.run.complete:
            raise ConfigError(
                f"{_title(shard)} is neither a shard nor the whole suite: only some cases were asked for",
                hint="run the suite without naming modules or cases, or leave this run out",
            )


def ranges(numbers: Sequence[int]) -> str:
    """The sorted numbers as ranges: `1-3, 5` for 1, 2, 3 and 5."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _title(results: CellResults) -> str:
    return f"{results.cell.id} {results.run.shard or 'unsharded'}"
