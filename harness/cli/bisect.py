"""`bisect`: the version or the commit at which a case began to do something else."""

from __future__ import annotations

import argparse

from harness.bisect.loop import run_bisection
from harness.bisect.question import BisectAxis
from harness.run.options import BUILD_OPTIONS, RUN_DIR, TESTS


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
