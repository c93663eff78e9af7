"""`stack`: what cases need of the engine's stack."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from harness.errors import EXIT_OK
from harness.project import project_root
from harness.run.options import BUILD_OPTIONS
from harness.run.prepare import BuildRequest


def add_stack(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "How much of the engine's stack each case needs that exhausts it, or that CPython skips because of it. It is "
        "kept as stack.json next to the results that the cases are taken from."
    )
    parser.add_argument("cell", nargs="+", metavar="CELL")
    parser.add_argument("-k", default="", metavar="EXPRESSION", help="only cases in whose ids these words stand")
    parser.add_argument("--case", action="append", default=[], metavar="ID", help="this case instead; may be repeated")
    parser.add_argument(
        "--results",
        type=Path,
        default=None,
        metavar="RUN",
        help="take the cases from this run: its folder, a cell's in it, or a results.json (default: reports/latest)",
    )
    parser.add_argument("-n", "--workers", type=int, default=os.cpu_count() or 1)
    for option in BUILD_OPTIONS:
        option.add(parser.add_argument)


def run_stack(options: argparse.Namespace) -> int:
    """Measures and prints the table by case and cell."""
    from harness.diagnostics.stack_needs import Wanted, measure_cells  # noqa: PLC0415 - each command loads only its own

    run = options.results or project_root() / "reports" / "latest"
    request = BuildRequest.of(options)
    wanted = Wanted(expression=options.k, cases=tuple(options.case))
    print(measure_cells(options.cell, request, run, wanted, options.workers))
    return EXIT_OK
