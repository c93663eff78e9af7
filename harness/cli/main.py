"""`python -m harness ...`: everything that nox does, without nox."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from harness.cli.bisect import add_bisect_command
from harness.cli.curation import add_commands
from harness.cli.history import add_commands as add_history_commands
from harness.cli.limitations import add_limitation_commands
from harness.cli.report import add_commands as add_report_commands
from harness.cli.test import build, bundle, merge, python, table, test
from harness.errors import (
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNAVAILABLE,
    EXIT_UNEXPECTED,
    ConfigError,
    HarnessError,
)
from harness.matrix.cells import Cell
from harness.run.options import BUILD_OPTIONS, RUN_DIR, TESTING


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives the process's exit status (harness/errors.py lists them)."""
    signal.signal(signal.SIGTERM, _interrupt)
    options, rest = _parser().parse_known_args(arguments)
    try:
        if rest and options.run not in {build, test, table}:
            raise ConfigError(f"unknown argument {rest[0]!r}", hint="`python -m harness --help` lists what there is")
        command: Callable[[argparse.Namespace, list[str]], int] = options.run
        status = command(options, rest)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; what was finished is kept", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001
        return _tell_what_nobody_expected(error)
    return status


# What a machine may refuse anywhere, were it in the middle of a line that is printed.
_REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def _tell_what_nobody_expected(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        place = f" for {error.filename}" if error.filename else ", perhaps for what is printed"
        print(
            f"error: {error.strerror}{place}\n  -> mend that on this machine, then give the command again",
            file=sys.stderr,
        )
        with contextlib.suppress(OSError):
            # What could not be printed would be tried once more when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_UNAVAILABLE
    traceback.print_exception(error)
    print(
        "error: this is a fault of the harness, and none of yours\n"
        "  -> report it, with all that stands above and the command that you gave",
        file=sys.stderr,
    )
    return EXIT_INTERNAL


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """SIGTERM ends a run as Ctrl-C does: children are stopped and results kept."""
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m harness", description="What of CPython works on WebAssembly.", allow_abbrev=False
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _add_listing(commands)
    _add_makers(commands)
    _add_starters(commands)
    _add_readers(commands)
    checking = commands.add_parser("doctor", help="what this machine has and lacks, for each cell")
    checking.add_argument("--offline", action="store_true", help="count what would need the network as missing")
    checking.set_defaults(run=doctor)

    add_bisect_command(commands)
    add_commands(commands)
    add_report_commands(commands)
    add_history_commands(commands)
    return parser


def _add_makers(commands: Any) -> None:
    """The commands that end with a build."""
    building = _several(commands, "build", "build cells", usage="[CELL ...]")
    for option in (*BUILD_OPTIONS, RUN_DIR):
        option.add(building.add_argument)
    building.add_argument("-j", dest="jobs", type=int, default=0, help="the same as --jobs")
    building.set_defaults(run=build)

    bundling = commands.add_parser("bundle", help="one file of a build, to test it on a machine without a compiler")
    bundling.add_argument("cell")
    goal = bundling.add_mutually_exclusive_group()
    goal.add_argument("--into", type=Path, default=Path(), metavar="DIR", help="its folder (default: the current one)")
    goal.add_argument("--output", type=Path, metavar="FILE", help="the file itself")
    for option in BUILD_OPTIONS:
        option.add(bundling.add_argument)
    bundling.set_defaults(run=bundle)


def _add_starters(commands: Any) -> None:
    """The commands that start a cell's interpreter."""
    testing = _several(
        commands, "test", "build cells, run their suite, compare", usage="[CELL ...] [-k ...] [pytest's options]"
    )
    for option in TESTING:
        option.add(testing.add_argument)
    testing.add_argument(
        "-n", "--workers", type=_workers, default=0, help="engines side by side (default: what this machine can bear)"
    )
    testing.set_defaults(run=test)

    starting = commands.add_parser(
        "python",
        help="start the interpreter of a cell",
        usage="python -m harness python [options] CELL [python's arguments]",
        description="As the suite's guests are run: it sees the build, the script's folder as /here, and may write to "
        "/scratch, which is gone afterwards.",
    )
    for option in BUILD_OPTIONS:
        option.add(starting.add_argument)
    starting.add_argument("cell")
    starting.add_argument("arguments", nargs=argparse.REMAINDER, help="-c CODE, -m MODULE or a script, as for python")
    starting.set_defaults(run=python)


def _add_listing(commands: Any) -> None:
    listing = commands.add_parser("cells", help="list the cells of the matrix")
    listing.add_argument("cell", nargs="*", help="only these (default: all)")
    listing.add_argument("-t", "--tag", action="append", default=[], help="only cells with this tag; may be repeated")
    form = listing.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="every field, as JSON")
    form.add_argument("--github", action="store_true", help="for $GITHUB_OUTPUT: the jobs that build and test them")
    listing.add_argument("--shards", type=int, default=1, metavar="N", help="with --github: cut each suite into N jobs")
    listing.set_defaults(run=cells)


def _add_readers(commands: Any) -> None:
    """The commands that look at runs which are there; the oracle makes them first."""
    showing = commands.add_parser("table", help="the table over all cells of a run folder")
    showing.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="the folder of the run (default: the one that ended last)"
    )
    showing.set_defaults(run=table)

    merging = commands.add_parser("merge", help="put the shards of a run together")
    merging.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="the folder of a run, or a results.json")
    merging.add_argument(
        "-t", "--tag", action="append", default=[], help="every cell with this tag has to be there; may be repeated"
    )
    RUN_DIR.add(merging.add_argument)
    merging.set_defaults(run=merge)

    proving = commands.add_parser("oracle", help="hold the outcomes of a cell against those of CPython's own runner")
    proving.add_argument("cell")
    proving.add_argument("module", nargs="*", help="only these modules")
    proving.add_argument("-n", "--workers", type=int, default=os.cpu_count() or 1)
    proving.add_argument("--run-dir", default="", metavar="DIR", help="the run whose outcomes to take; it is not made")
    proving.set_defaults(run=oracle)

    add_limitation_commands(commands)


def _several(commands: Any, name: str, what: str, *, usage: str) -> argparse.ArgumentParser:
    """A command over cells. They are words before the first option that we do not know, which argparse cannot say."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        usage=f"python -m harness {name} [options] {usage}",
        description="Name the cells before all options of pytest's, or select them by tag. Several cells end with a "
        "table over all of them, and with the status of the worst.",
        allow_abbrev=False,
    )
    tag_help = "the cells with this tag, but those that are declared as broken; may be repeated"
    parser.add_argument("-t", "--tag", action="append", default=[], help=tag_help)
    return parser


def _workers(text: str) -> int:
    if text == "auto":
        return 0
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of workers, 1 or more, nor auto")
    return int(text)


def cells(options: argparse.Namespace, rest: list[str]) -> int:
    """Prints the cells, one a line, as JSON, or as the jobs of a workflow."""
    from harness.cli.github import job_outputs  # noqa: PLC0415
    from harness.matrix.load import load_configuration  # noqa: PLC0415

    matrix, pins = load_configuration()
    if options.github:
        print(job_outputs(matrix.selection(ids=options.cell, tags=options.tag).cells, pins, options.shards), end="")
        return EXIT_OK
    selected = matrix.select(ids=options.cell, tags=options.tag)
    if options.json:
        print(json.dumps([_cell_json(cell) for cell in selected], indent=1))
        return EXIT_OK
    width = max(len(cell.id) for cell in selected)
    for cell in selected:
        print(f"{cell.id:{width}}  {cell.description}{'  [broken: ' + cell.broken + ']' if cell.broken else ''}")
        fields = {key: value for key, value in _cell_json(cell).items() if key not in {"id", "description", "broken"}}
        print(f"{'':{width}}  {' '.join(f'{key}={_short(value)}' for key, value in fields.items())}")
    return EXIT_OK


def _cell_json(cell: Cell) -> dict[str, Any]:
    return dataclasses.asdict(cell) | {"engine": cell.engine.value}


def _short(value: Any) -> str:
    return (
        ",".join(value)
        if isinstance(value, list | tuple)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )


def oracle(options: argparse.Namespace, rest: list[str]) -> int:
    """Runs the suite twice, by the harness and by regrtest; 1 when a difference has no explanation."""
    from harness.diagnostics.oracle import consult  # noqa: PLC0415

    text, good = consult(options.cell, options.module, options.workers, options.run_dir)
    print(text)
    return EXIT_OK if good else EXIT_UNEXPECTED


def doctor(options: argparse.Namespace, rest: list[str]) -> int:
    """Prints what was found; 0 when at least one cell can be built and tested here."""
    from harness.diagnostics.doctor import doctor_report  # noqa: PLC0415

    text, good = doctor_report(offline=options.offline)
    print(text)
    return EXIT_OK if good else 3
