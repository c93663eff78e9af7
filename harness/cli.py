"""`python -m harness ...`: everything that nox does, without nox."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from harness.errors import (
    EXIT_CONFIG,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNEXPECTED,
    ConfigError,
    HarnessError,
)
from harness.matrix import Cell

# pytest's own exit codes, in the harness's terms. 5 is "no tests collected": the selection was empty.
_PYTEST_EXIT = {
    0: EXIT_OK,
    1: EXIT_UNEXPECTED,
    2: EXIT_INTERRUPTED,
    3: EXIT_INTERNAL,
    4: EXIT_CONFIG,
    5: EXIT_CONFIG,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives the process's exit status (harness/errors.py lists them)."""
    signal.signal(signal.SIGTERM, _interrupt)
    options, rest = _parser().parse_known_args(arguments)
    try:
        if rest and options.run is not test:
            raise ConfigError(f"unknown argument {rest[0]!r}", hint="`python -m harness --help` lists what there is")
        command: Callable[[argparse.Namespace, list[str]], int] = options.run
        return command(options, rest)
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; what was finished is kept", file=sys.stderr)
        return EXIT_INTERRUPTED


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """SIGTERM ends a run as Ctrl-C does: children are stopped and results kept."""
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m harness", description="What of CPython works on WebAssembly.", allow_abbrev=False
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("cells", help="list the cells of the matrix")
    listing.add_argument("--json", action="store_true", help="every field, as JSON")
    listing.add_argument("-t", "--tag", action="append", default=[], help="only cells with this tag; may be repeated")
    listing.set_defaults(run=cells)

    building = commands.add_parser("build", help="build a cell")
    building.add_argument("cell")
    _add_wishes(building)
    building.add_argument("-j", "--jobs", type=int, default=0, help="jobs for make (default: the number of processors)")
    building.set_defaults(run=build)

    testing = commands.add_parser(
        "test",
        help="build a cell, run its suite, compare",
        description="Further arguments go to pytest: -k, -x, -v, ...",
        allow_abbrev=False,
    )
    testing.add_argument("cell")
    testing.add_argument(
        "-n", "--workers", default="auto", help="engines side by side (default: the number of processors)"
    )
    testing.set_defaults(run=test)

    proving = commands.add_parser("oracle", help="hold the outcomes of a cell against those of CPython's own runner")
    proving.add_argument("cell")
    proving.add_argument("module", nargs="*", help="only these modules")
    proving.add_argument("-n", "--workers", type=int, default=os.cpu_count() or 1)
    proving.add_argument("--run-dir", default="", metavar="DIR", help="the run whose outcomes to take; it is not made")
    proving.set_defaults(run=oracle)

    checking = commands.add_parser("doctor", help="what this machine has and lacks, for each cell")
    checking.add_argument("--offline", action="store_true", help="count what would need the network as missing")
    checking.set_defaults(run=doctor)
    return parser


def _add_wishes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cpython", default="", metavar="PATH-OR-VERSION", help="another CPython than the cell's own")
    parser.add_argument("--provider", default="", metavar="NAME", help="get the toolchain from this provider only")
    parser.add_argument("--toolchain", default="", metavar="PATH", help="use the toolchain in this folder")


def cells(options: argparse.Namespace, rest: list[str]) -> int:
    """Prints the cells, one a line or as JSON."""
    from harness.prepare import load_configuration  # noqa: PLC0415

    selected = load_configuration()[0].select(tags=options.tag)
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


def build(options: argparse.Namespace, rest: list[str]) -> int:
    """Builds a cell and says where the build is."""
    from harness.prepare import Wishes, prepare  # noqa: PLC0415

    wishes = Wishes(cpython=options.cpython, provider=options.provider, toolchain=options.toolchain, jobs=options.jobs)
    print(f"build: {prepare(options.cell, wishes).build.folder}")
    return EXIT_OK


def test(options: argparse.Namespace, rest: list[str]) -> int:
    """Tests a cell with pytest and xdist. The exit status says whether everything was as expected."""
    import pytest  # noqa: PLC0415

    from harness.plugin import FrontEnd  # noqa: PLC0415
    from harness.prepare import matrix_file, project_root  # noqa: PLC0415

    # Whatever else is installed for pytest costs every worker its import; `-p NAME` brings one back.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    plugins = ["-p", "xdist", "-p", "harness.plugin", "-p", "no:cacheprovider"]
    # A folder among the arguments must not move pytest's root there, away from its settings.
    shown = ["-q", "--tb=short", "-rN", "-c", str(project_root() / "pyproject.toml")]
    arguments = [*plugins, "--cell", options.cell, "-n", options.workers, *shown, *rest, str(matrix_file())]
    status = pytest.main(arguments, plugins=[front := FrontEnd()])
    if front.error:
        return front.error.exit_code
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        print("error: the selection holds no module", file=sys.stderr)
    return _PYTEST_EXIT.get(int(status), int(status))


def oracle(options: argparse.Namespace, rest: list[str]) -> int:
    """Runs the suite twice, by the harness and by regrtest; 1 when a difference has no explanation."""
    from harness.oracle import consult  # noqa: PLC0415

    text, good = consult(options.cell, options.module, options.workers, options.run_dir)
    print(text)
    return EXIT_OK if good else EXIT_UNEXPECTED


def doctor(options: argparse.Namespace, rest: list[str]) -> int:
    """Prints what was found; 0 when at least one cell can be built and tested here."""
    from harness.doctor import report  # noqa: PLC0415

    text, good = report(offline=options.offline)
    print(text)
    return EXIT_OK if good else 3
