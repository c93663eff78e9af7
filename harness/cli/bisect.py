"""`bisect` and `bump`: the version at which a case began to do something else, and what a version changes."""

from __future__ import annotations

import argparse

from harness.bisect.loop import run_bisection
from harness.bisect.question import BisectAxis
from harness.run.options import BUILD_OPTIONS, RUN_DIR, TESTS, as_arguments


def add_bisect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cell", metavar="CELL")
    parser.add_argument("--case", required=True, metavar="ID", help="the case, as in results.json, or MODULE::ID")
    parser.add_argument("--axis", required=True, metavar="AXIS", help=", ".join(BisectAxis))
    parser.add_argument("--good", required=True, metavar="A", help="a version or commit at which it is right")
    parser.add_argument("--bad", required=True, metavar="B", help="one at which it is not; it may be an earlier one")
    parser.add_argument("--versions", default="", metavar="V,V", help="only these between the ends, known or not")
    parser.add_argument("--tries", type=int, default=1, metavar="K", help="run it K times; mixed outcomes are a skip")
    parser.add_argument("--bad-when-changed", action="store_true", help="every other outcome than at --good is bad")
    for option in (*BUILD_OPTIONS, TESTS, RUN_DIR):
        option.add(parser.add_argument)


def run_bisect(options: argparse.Namespace) -> int:
    """Bisects, and gives the exit status."""
    return run_bisection(options)


def add_bump(parser: argparse.ArgumentParser) -> None:
    parser.usage = "python -m harness bump CELL (--toolchain NEW | --runtime NEW | --cpython NEW) [MODULE ...] [-k ...]"
    parser.description = (
        "Test a cell as it is pinned and with another version, and say on one page what that changes: case by case, in "
        "the lists, and how to find the first bad version."
    )
    parser.add_argument("cell", metavar="CELL")
    for option in (*BUILD_OPTIONS, RUN_DIR):
        option.add(parser.add_argument)


def run_bump(options: argparse.Namespace, rest: list[str]) -> int:
    """Tests both, prints the page, and gives the exit status."""
    from harness.bisect.bump import NEW_OPTIONS, compare_versions  # noqa: PLC0415 - bisect does without the updater

    common = [option for option in BUILD_OPTIONS if option.name not in NEW_OPTIONS]
    return compare_versions(options, as_arguments(options, tuple(common)), rest)
