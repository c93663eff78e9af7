"""`python -m harness report` and `python -m harness diff`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import EXIT_OK, EXIT_UNEXPECTED, ConfigError
from harness.project import project_root
from harness.util.paths import shown

if TYPE_CHECKING:
    from harness.results.diff import CellDiff


def add_commands(commands: Any) -> None:
    """The two commands, for argparse."""
    reporting = commands.add_parser("report", help="make every view of a run again from its results.json")
    add = reporting.add_argument
    add("runs", nargs="*", type=Path, metavar="RUN", help="a run's folder (default: reports/latest)")
    add("--into", type=Path, metavar="DIR", help="one report over all RUNs, written there")
    add("--since", type=Path, metavar="RUN", help="the run to compare with (default: the one before)")
    add("--no-junit", action="store_true", help="without the JUnit XML over all cells, which is large")
    add("--exit-zero", action="store_true", help="status 0 whenever the views could be made, whatever they say")
    reporting.set_defaults(run=report)

    what = "what differs between two runs, or two cells, and why"
    comparing = commands.add_parser(
        "diff", help=what, description=f"Tells {what}. The status is 1 when any case differs."
    )
    where = "a run's folder, a cell's in it, or a results.json"
    comparing.add_argument("before", type=Path, metavar="RUN_A", help=where)
    comparing.add_argument("after", type=Path, metavar="RUN_B")
    comparing.add_argument("--json", action="store_true", help="every change, as JSON")
    comparing.add_argument("--all", action="store_true", help="name every case")
    comparing.set_defaults(run=diff)


def report(options: argparse.Namespace, rest: list[str]) -> int:  # noqa: ARG001 - as every command
    """Writes the views of each run, or of all together; the status is that of the worst run."""
    from harness.limitations.registry import REGISTRY_FILE  # noqa: PLC0415 - as below: other commands do without
    from harness.report.headline import statements, status_line  # noqa: PLC0415
    from harness.report.write import PAGE, exit_status, write_views  # noqa: PLC0415
    from harness.results.run_folder import (
        find_run,  # noqa: PLC0415
        worst_status,  # noqa: PLC0415
    )

    runs = options.runs or [project_root() / "reports" / "latest"]
    groups = [runs] if options.into else [[run] for run in runs]
    registry = project_root() / "expected_failures" / REGISTRY_FILE
    statuses = []
    for group in groups:
        files = find_run(group, into=options.into, since=options.since)
        folder = shown(files.folder)
        run = write_views(files, registry=registry, junit=not options.no_junit, shown=folder)
        print(f"{run.name}: {status_line(run)}")
        print("".join(f"  {statement.text}\n" for statement in statements(run, folder)), end="")
        print(f"  {folder}/{PAGE}, and beside it summary.md, annotations.txt, badge.json")
        statuses.append(exit_status(run))
    return EXIT_OK if options.exit_zero else worst_status(statuses)


def diff(options: argparse.Namespace, rest: list[str]) -> int:  # noqa: ARG001 - as every command
    """Prints what differs. 0 when no case does, 1 when any does."""
    from harness.report.diff_text import differences_json, render_differences  # noqa: PLC0415
    from harness.results.run_folder import results_in  # noqa: PLC0415

    before = {path.parent.name: path for path in results_in(options.before)}
    after = {path.parent.name: path for path in results_in(options.after)}
    names = list(_pairs(before, after))
    if not names:
        raise ConfigError(
            f"the two have no cell in common: {', '.join(before)}; {', '.join(after)}",
            hint="to compare two cells with each other name the folder of each",
        )
    pairs = [_compare(before[first], after[second]) for first, second in names]
    only_before = sorted(before.keys() - {first for first, _ in names})
    only_after = sorted(after.keys() - {second for _, second in names})
    if options.json:
        print(json.dumps(differences_json(pairs, only_before, only_after), indent=1))
    else:
        print(render_differences(pairs, only_before, only_after, everything=options.all), end="")
    return EXIT_UNEXPECTED if any(pair.changes for pair in pairs) else EXIT_OK


def _pairs(before: dict[str, Path], after: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """Which is held against which: one cell against one, else those of one name."""
    if len(before) == len(after) == 1:
        yield next(iter(before)), next(iter(after))
        return
    yield from ((cell, cell) for cell in before if cell in after)


def _compare(before: Path, after: Path) -> CellDiff:
    from harness.results.cell_results import load_results  # noqa: PLC0415
    from harness.results.diff import diff_cells  # noqa: PLC0415

    names = (before.parent.name, after.parent.name)
    if names[0] == names[1]:
        names = (shown(before.parent), shown(after.parent))
    return diff_cells(load_results(before), load_results(after), names=names)
