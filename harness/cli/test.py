"""The commands over cells: each of them for one cell in this process, or for several in one process each."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import (
    EXIT_CONFIG,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNEXPECTED,
    ConfigError,
    HarnessError,
)
from harness.matrix.cells import Cell, Selection
from harness.project import matrix_file, project_root
from harness.results.run_folder import new_run_folder, point_latest_at
from harness.run.options import BUILD_OPTIONS, as_arguments
from harness.util.paths import shown

# pytest's own exit codes, in the harness's terms. 5 is "no tests collected": the selection was empty.
_PYTEST_EXIT = {
    0: EXIT_OK,
    1: EXIT_UNEXPECTED,
    2: EXIT_INTERRUPTED,
    3: EXIT_INTERNAL,
    4: EXIT_CONFIG,
    5: EXIT_CONFIG,
}


def _selected(options: argparse.Namespace, rest: list[str]) -> tuple[Selection, list[str]]:
    """The cells that are meant, and the arguments behind their names."""
    from harness.matrix.load import load_configuration  # noqa: PLC0415

    names = list(itertools.takewhile(lambda word: not word.startswith("-"), rest))
    if module := next((name for name in names if name.startswith(("test_", "test."))), ""):
        raise ConfigError(f"there is no cell {module!r}", hint=f"modules are selected with -k: -k {module}")
    if not names and not options.tag:
        raise ConfigError(
            "no cell is named", hint="name cells before all options, or -t TAG; `python -m harness cells` lists them"
        )
    return load_configuration()[0].selection(ids=names, tags=options.tag), rest[len(names) :]


def build(options: argparse.Namespace, rest: list[str]) -> int:
    """Builds cells and says where the builds are."""
    from harness.run.prepare import BuildRequest, prepare  # noqa: PLC0415

    selection, rest = _selected(options, rest)
    if rest:
        raise ConfigError(f"unknown argument {rest[0]!r}", hint="`python -m harness build --help` lists what there is")
    if not selection.is_one:
        return _each(options, selection, "build", as_arguments(options, BUILD_OPTIONS), done="built")
    with _recorded(options, selection.cells[0]):
        print(f"build: {prepare(selection.cells[0].id, BuildRequest.of(options)).build.folder}")
    return EXIT_OK


def bundle(options: argparse.Namespace, rest: list[str]) -> int:
    """Writes the bundle of a cell, which is built first unless it is there."""
    from harness.bundles.index import check_is_build_of  # noqa: PLC0415
    from harness.bundles.pack import pack  # noqa: PLC0415
    from harness.run.prepare import BuildRequest, prepare  # noqa: PLC0415
    from harness.util.hashing import file_sha256  # noqa: PLC0415

    if options.output and options.output.is_dir():
        raise ConfigError(f"--output {options.output} is a folder", hint="name a file, or give the folder to --into")
    prepared = prepare(options.cell, BuildRequest.of(options))
    check_is_build_of(prepared.build.manifest, prepared.cell, str(prepared.build.folder))
    output = options.output or options.into / f"{prepared.build.folder.name}.bundle.tar.gz"
    head = pack(prepared, output)
    print(f"bundle: {shown(output.absolute())}, {output.stat().st_size >> 20} MiB, {len(head.files)} files")
    print(f"sha256: {file_sha256(output)}")
    return EXIT_OK


def test(options: argparse.Namespace, rest: list[str]) -> int:
    """Tests cells with pytest and xdist. The exit status says whether everything was as expected."""
    selection, rest = _selected(options, rest)
    if not selection.is_one:
        color = ("--color=yes",) if sys.stdout.isatty() else ()
        return _each(options, selection, "test", [*as_arguments(options), *color, *rest], done="no results")
    return _test_one(options, selection.cells[0], rest)


def python(options: argparse.Namespace, rest: list[str]) -> int:
    """Starts the cell's interpreter under its engine; what the harness itself has to say goes to stderr."""
    from harness.run.interpreter import run_interpreter  # noqa: PLC0415
    from harness.run.prepare import BuildRequest, prepare  # noqa: PLC0415

    def say(line: str) -> None:
        print(line, file=sys.stderr)

    prepared = prepare(options.cell, BuildRequest.of(options), say=say)
    ending, status = run_interpreter(prepared, options.arguments, sys.stdout.buffer)
    if ending.reason:
        say(f"{options.cell}: {ending.ending}: {ending.reason}")
    return status


def _each(
    options: argparse.Namespace, selection: Selection, command: str, arguments: Sequence[str], *, done: str
) -> int:
    """The command for each cell, in one run folder."""
    from harness.run.capacity import plan_here, usable_processors  # noqa: PLC0415
    from harness.run.parallel import ParallelCells  # noqa: PLC0415

    folder = Path(options.run_dir).absolute() if options.run_dir else new_run_folder()
    asked = options.workers if command == "test" else len(usable_processors())
    planned = plan_here([cell.engine for cell in selection.cells], workers=asked)
    over_hosts = _names_hosts(arguments)
    wanted = options.workers if over_hosts else planned.workers
    workers = ["-n", str(wanted)] if command == "test" and wanted else []
    jobs = [] if options.jobs else [f"--jobs={planned.jobs}"]

    def of_cell(cell: Cell) -> list[str]:
        return [command, cell.id, f"--run-dir={folder}", *workers, *jobs, *arguments]

    cells = ParallelCells(
        folder=folder,
        cells=selection.cells,
        left_out=selection.left_out,
        arguments=of_cell,
        at_once=1 if over_hosts else planned.at_once,
        done=done,
    )
    status = cells.run()
    # A mistake in the arguments, which every cell refuses, is no run.
    if any(row.status != EXIT_CONFIG for row in cells.rows.values()):
        point_latest_at(folder)
    print(f"all of it is in {shown(folder)}")
    return status


@contextlib.contextmanager
def _recorded(options: argparse.Namespace, cell: Cell) -> Iterator[None]:
    """Leaves an error in the run folder, if there is one, for the table over several cells."""
    from harness.results.run_folder import record_error  # noqa: PLC0415

    try:
        yield
    except HarnessError as error:
        # A mistake in the arguments makes no run folder.
        if options.run_dir and (error.exit_code != EXIT_CONFIG or Path(options.run_dir).is_dir()):
            with contextlib.suppress(HarnessError, OSError):
                record_error(Path(options.run_dir) / cell.id, error)
        raise


def _test_one(options: argparse.Namespace, cell: Cell, rest: list[str]) -> int:
    import pytest  # noqa: PLC0415

    from harness.run.pytest_plugin import FrontEnd  # noqa: PLC0415

    # Whatever else is installed for pytest costs every worker its import; `-p NAME` brings one back.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    plugins = ["-p", "xdist", "-p", "harness.run.pytest_plugin", "-p", "no:cacheprovider"]
    ours = [f"--cell={cell.id}", *as_arguments(options), "-q", "--tb=short", "-rN"]
    status = pytest.main([*plugins, *ours, *_workers(options, rest), *rest], plugins=[front := FrontEnd()])
    if front.error:
        # pytest has told it already.
        with contextlib.suppress(HarnessError), _recorded(options, cell):
            raise front.error
        return front.error.exit_code
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        print("error: the selection holds no module", file=sys.stderr)
    return _PYTEST_EXIT.get(int(status), int(status))


def _names_hosts(rest: Sequence[str]) -> bool:
    return any(word.partition("=")[0] == "--tx" for word in rest)


def _workers(options: argparse.Namespace, rest: Sequence[str]) -> list[str]:
    """Which workers pytest shall have, and its settings. ConfigError for hosts in another folder than the project's."""
    if not _names_hosts(rest):
        # A folder among the arguments must not move pytest's root there, away from its settings.
        return ["-n", str(options.workers or "auto"), "-c", str(project_root() / "pyproject.toml"), str(matrix_file())]
    if options.tests:
        raise ConfigError("--tests names files of this machine, and --tx other machines", hint="leave one of them out")
    if options.workers:
        raise ConfigError(
            "-n counts workers of this machine, and --tx names hosts", hint="--tx 4*ssh=HOST counts there"
        )
    if project_root() != Path.cwd():
        raise ConfigError("--tx works in the project's own folder only", hint=f"cd {project_root()}")
    # execnet leaves the pipes to a host that does not answer to the garbage collector.
    unclosed = ["-Wignore::pytest.PytestUnraisableExceptionWarning", "-Wignore::ResourceWarning"]
    # Hosts are given the same words, and none of our paths means anything there.
    return ["--dist=load", "--override-ini=testpaths=matrices", *unclosed]


def table(options: argparse.Namespace, rest: list[str]) -> int:
    """Prints what the cells of a run did; the status is that of the worst. It takes, for nox, all that `test` takes."""
    from harness.report.table import failed_row, read_row, render_cells
    from harness.results.run_folder import ERROR_FILE, RESULTS_FILE, worst_status

    run_folder = options.run_dir or project_root() / "reports" / "latest"
    folders = sorted(path for path in run_folder.glob("*") if path.is_dir())
    killed = "it was killed before it could write its results; --resume goes on with it"
    rows = [
        read_row(folder) or failed_row(folder.name, EXIT_INTERRUPTED, killed)
        for folder in folders
        if any((folder / name).exists() for name in ("modules", RESULTS_FILE, ERROR_FILE))
    ]
    if not rows:
        raise ConfigError(f"{run_folder} holds no results of a cell", hint="name the folder of a run with --run-dir")
    print(render_cells(rows), end="")
    return worst_status(row.status for row in rows)


def merge(options: argparse.Namespace, rest: list[str]) -> int:
    """Puts the shards of runs together, cell by cell; the status is that of the worst cell."""
    from harness.build.keys import builds_of  # noqa: PLC0415
    from harness.bundles.index import FORMAT  # noqa: PLC0415
    from harness.matrix.load import load_configuration  # noqa: PLC0415
    from harness.run.merge import check_apart, merge_runs, publish_merged  # noqa: PLC0415

    if options.run_dir:
        check_apart(Path(options.run_dir), options.runs)
    wanted = {}
    if options.tag:
        matrix, pins = load_configuration()
        wanted = builds_of(matrix.select(tags=options.tag), pins, FORMAT)
    merged = merge_runs(options.runs, wanted=wanted, command=shlex.join(sys.argv))
    if merged.whole or options.run_dir:
        folder = Path(options.run_dir).absolute() if options.run_dir else new_run_folder()
        print(publish_merged(merged, folder, color=sys.stdout.isatty()), end="")
    for failed in merged.failed:
        print(f"error: {failed.why}", file=sys.stderr)
    return merged.status
