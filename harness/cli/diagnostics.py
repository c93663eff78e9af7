"""`doctor` and `oracle`: whether this machine can test a cell, and whether the harness agrees with CPython's runner."""

from __future__ import annotations

import argparse
import os

from harness.errors import EXIT_OK, EXIT_UNAVAILABLE, EXIT_UNEXPECTED
from harness.run.options import BUILD_OPTIONS, BUNDLE, NATIVE, as_arguments, one_or_more
from harness.run.prepare import BuildRequest


def add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "cell", nargs="*", metavar="CELL", help="say of these all that they need (default: all, in short)"
    )
    parser.add_argument("-t", "--tag", action="append", default=[], help="the cells with this tag; may be repeated")
    parser.add_argument("--offline", action="store_true", help="count what would need the network as missing")
    for option in BUILD_OPTIONS:
        if option.flag in {"--cpython", "--tree-pins"}:
            option.add(parser.add_argument)


def run_doctor(options: argparse.Namespace) -> int:
    """Prints what was found; 0 when the cells that are named, or any at all, can be built and tested here."""
    from harness.diagnostics.doctor import doctor_report  # noqa: PLC0415 - each command loads only its own

    text, good = doctor_report(
        offline=options.offline, ids=options.cell, tags=options.tag, request=BuildRequest.of(options)
    )
    print(text)
    return EXIT_OK if good else EXIT_UNAVAILABLE


def add_oracle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cell")
    parser.add_argument("module", nargs="*", help="only these modules")
    parser.add_argument("-n", "--workers", type=one_or_more, default=os.cpu_count() or 1)
    parser.add_argument("--run-dir", default="", metavar="DIR", help="the run whose outcomes to take; it is not made")
    parser.add_argument(
        "--engine",
        choices=("plain", "upstream"),
        default="plain",
        help="what regrtest starts for each module: the harness's plain runner, or the entry script that CPython's own "
        "build has made (python.sh, from 3.14 on; default: plain)",
    )
    for option in (*BUILD_OPTIONS, BUNDLE, NATIVE):
        option.add(parser.add_argument)


def run_oracle(options: argparse.Namespace) -> int:
    """Runs the suite twice, by the harness and by regrtest; 1 when a difference has no explanation."""
    from harness.diagnostics.oracle import Question, consult  # noqa: PLC0415

    question = Question(
        cell=options.cell,
        modules=options.module,
        workers=options.workers,
        build=as_arguments(options, (*BUILD_OPTIONS, BUNDLE)),
        run_dir=options.run_dir,
        upstream=options.engine == "upstream",
        native=options.native,
    )
    text, good = consult(question, BuildRequest.of(options))
    print(text)
    return EXIT_OK if good else EXIT_UNEXPECTED
