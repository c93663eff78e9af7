"""`report`: every view of a run, made again from its results.json."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.errors import EXIT_OK
from harness.limitations.registry import REGISTRY_FILE
from harness.project import project_root
from harness.report.headline import statements, status_line
from harness.report.write import PAGE, exit_status, write_views
from harness.results.run_folder import find_run, worst_status
from harness.util.paths import shown


def add_report(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("runs", nargs="*", type=Path, metavar="RUN", help="a run's folder (default: reports/latest)")
    add("--into", type=Path, metavar="DIR", help="one report over all RUNs, written there")
    add("--since", type=Path, metavar="RUN", help="the run to compare with (default: the one before)")
    add("--no-junit", action="store_true", help="without the JUnit XML over all cells, which is large")
    add("--exit-zero", action="store_true", help="status 0 whenever the views could be made, whatever they say")


def run_report(options: argparse.Namespace) -> int:
    """Writes the views of each run, or of all together; the status is that of the worst run."""
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
        print(f"  {folder}/{PAGE}, and next to it summary.md, annotations.txt, badge.json")
        statuses.append(exit_status(run))
    return EXIT_OK if options.exit_zero else worst_status(statuses)
