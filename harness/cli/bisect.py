"""`python -m harness bisect`: its arguments."""

from __future__ import annotations

import argparse
from typing import Any

from harness.bisect.question import BisectAxis
from harness.run.options import BUILD_OPTIONS, RUN_DIR, TESTS


def add_bisect_command(commands: Any) -> None:
    """Declares it; `commands` are argparse's subparsers."""
    what = "find the version or the commit at which a case began to do something else"
    parser = commands.add_parser("bisect", help=what, allow_abbrev=False)
    parser.add_argument("cell", metavar="CELL")
    parser.add_argument("--case", required=True, metavar="ID", help="the case, as in results.json, or MODULE::ID")
    parser.add_argument("--axis", required=True, metavar="AXIS", help=", ".join(BisectAxis))
    parser.add_argument("--good", required=True, metavar="A", help="a version or commit at which it is right")
    parser.add_argument("--bad", required=True, metavar="B", help="one at which it is not; it may be an earlier one")
    parser.add_argument("--versions", default="", metavar="V,V", help="only these between the ends, known or not")
    parser.add_argument("--tries", type=int, default=1, metavar="K", help="run it K times; mixed outcomes are a skip")
    parser.add_argument(
        "--bad-when-changed",
        action="store_true",
        help="every other outcome than at --good is bad",
    )
    for option in (*BUILD_OPTIONS, TESTS, RUN_DIR):
        option.add(parser.add_argument)
    parser.set_defaults(run=bisect)


def bisect(options: argparse.Namespace, rest: list[str]) -> int:
    """Bisects, and gives the exit status."""
    from harness.bisect.loop import run_bisection  # noqa: PLC0415

    return run_bisection(options)
