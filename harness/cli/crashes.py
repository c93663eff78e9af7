"""`stack` and `reduce`: what cases need of the engine's stack, and what a failure needs of earlier cases."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from harness.errors import EXIT_OK, EXIT_UNEXPECTED
from harness.project import project_root
from harness.results.command_line import RunOptions
from harness.run.options import BUILD_OPTIONS, TESTS, one_or_more
from harness.run.own_tests import find_tests
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
    parser.add_argument("-n", "--workers", type=one_or_more, default=os.cpu_count() or 1)
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


def add_reduce(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "The smallest set of the cases before it in its module that have to run for a case to fail, and a script that "
        "runs them under `python -m harness python`; of own tests (--tests) in a folder with their copy. The status is "
        "1 when the case does not fail."
    )
    parser.add_argument("cell")
    parser.add_argument("--case", required=True, metavar="ID", help="the case that fails, as results.json names it")
    parser.add_argument("--into", type=Path, default=Path(), metavar="DIR", help="the script's folder (default: here)")
    for option in (*BUILD_OPTIONS, TESTS):
        option.add(parser.add_argument)


def run_reduce(options: argparse.Namespace) -> int:
    """Reduces the case and prints what it needs, with the commands that show it."""
    from harness.diagnostics.reduce import reduce_case  # noqa: PLC0415 - as above

    again = RunOptions.of(options)
    tests = find_tests(options.tests) if options.tests else None
    page, fails = reduce_case(options.cell, BuildRequest.of(options), options.case, options.into, again, tests=tests)
    print(page)
    return EXIT_OK if fails else EXIT_UNEXPECTED
