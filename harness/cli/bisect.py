"""`bisect` and `bump`: the version at which a case began to do something else, and what a version changes."""

from __future__ import annotations

import argparse

from harness.bisect.loop import add_bisect_arguments, run_bisection
from harness.run.options import BUILD_OPTIONS, RUN_DIR, as_arguments, one_or_more


def add_bisect(parser: argparse.ArgumentParser) -> None:
    add_bisect_arguments(parser)


def run_bisect(options: argparse.Namespace) -> int:
    """Bisects, and gives the exit status."""
    return run_bisection(options)


def add_bump(parser: argparse.ArgumentParser) -> None:
    parser.usage = "python -m harness bump CELL (--toolchain NEW | --runtime NEW | --cpython NEW) [MODULE ...] [-k ...]"
    parser.description = (
        "Test a cell as it is pinned and with another version, and say on one page what that changes: case by case, "
        "in the lists and in the skips of CPython's tests, and how to find the first bad version."
    )
    parser.add_argument("cell", metavar="CELL")
    parser.add_argument(
        "--bisect",
        action="store_true",
        help="bisect to the first bad version: a case of each module and exception that got worse",
    )
    parser.add_argument(
        "--audit",
        action="store_true",
        help="run what either side skips with its gates forced open, and name the skips in CPython's tests that may go",
    )
    parser.add_argument(
        "--bisections", type=one_or_more, default=5, metavar="N", help="with --bisect: N of them at most (default: 5)"
    )
    for option in (*BUILD_OPTIONS, RUN_DIR):
        option.add(parser.add_argument)


def run_bump(options: argparse.Namespace, rest: list[str]) -> int:
    """Tests both, prints the page, and gives the exit status."""
    from harness.bisect.bump import NEW_OPTIONS, compare_versions  # noqa: PLC0415 - bisect does without the updater

    common = [option for option in BUILD_OPTIONS if option.name not in NEW_OPTIONS]
    return compare_versions(options, as_arguments(options, tuple(common)), rest)
