"""`table` and `merge`: the cells of a run, and the shards of several."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from harness.build.keys import builds_of
from harness.bundles.index import FORMAT
from harness.errors import EXIT_INTERRUPTED, ConfigError
from harness.matrix.load import load_configuration
from harness.project import project_root
from harness.report.table import failed_row, read_row, render_cells
from harness.results.run_folder import cell_folders, new_run_folder, worst_status
from harness.run.options import RUN_DIR


def add_table(parser: argparse.ArgumentParser) -> None:
    what = "a run's folder, a cell's in it, or a results.json (default: the run that ended last)"
    parser.add_argument("run", nargs="?", type=Path, metavar="RUN", help=what)
    parser.add_argument("--run-dir", type=Path, metavar="DIR", help="the same")


def run_table(options: argparse.Namespace) -> int:
    """Prints what the cells of a run did; the status is that of the worst."""
    if options.run and options.run_dir:
        raise ConfigError("RUN and --run-dir both name a run", hint="leave one of them out")
    run = options.run or options.run_dir or project_root() / "reports" / "latest"
    killed = "it was killed before it could write its results; --resume goes on with it"
    rows = [read_row(folder) or failed_row(folder.name, EXIT_INTERRUPTED, killed) for folder in cell_folders(run)]
    print(render_cells(rows), end="")
    return worst_status(row.status for row in rows)


def add_merge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="the folder of a run, or a results.json")
    parser.add_argument(
        "-t", "--tag", action="append", default=[], help="every cell with this tag has to be there; may be repeated"
    )
    RUN_DIR.add(parser.add_argument)


def run_merge(options: argparse.Namespace) -> int:
    """Puts the shards of runs together, cell by cell; the status is that of the worst cell."""
    from harness.run.merge import check_apart, check_not_tested, merge_runs, publish_merged  # noqa: PLC0415 - `table` does without

    if options.run_dir:
        check_apart(Path(options.run_dir), options.runs)
    wanted = {}
    if options.tag:
        matrix, pins = load_configuration()
        wanted = builds_of(matrix.select(tags=options.tag), pins, FORMAT)
    merged = merge_runs(options.runs, wanted=wanted, command=shlex.join(sys.argv))
    if merged.whole or options.run_dir:
        if options.run_dir:
            check_not_tested(Path(options.run_dir), [results.cell.id for results in merged.whole])
        folder = Path(options.run_dir).absolute() if options.run_dir else new_run_folder()
        print(publish_merged(merged, folder, color=sys.stdout.isatty()), end="")
    for failed in merged.failed:
        print(f"error: {failed.label}: {failed.why}", file=sys.stderr)
    return merged.status
