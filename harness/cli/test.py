"""`test` and `build`: for one cell in this process, or for several in one process each."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import itertools
import os
import re
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
    did_you_mean,
)
from harness.matrix.cells import Cell, Selection
from harness.matrix.load import load_configuration
from harness.project import matrix_file, project_root
from harness.results.case_ids import dotted
from harness.results.command_line import go_on_line
from harness.results.run_folder import (
    has_results,
    new_run_folder,
    point_latest_at,
    record_error,
    remove_refused,
    unfinished_run,
)
from harness.run.capacity import plan_here, usable_processors
from harness.run.options import (
    BUILD_OPTIONS,
    OPTIONS_HINT,
    RUN_DIR,
    TESTING,
    as_arguments,
    check_numbers,
    with_seed,
)
from harness.run.parallel import ParallelCells
from harness.run.prepare import BuildRequest, prepare
from harness.run.resume import check_all_resumed, check_not_lost, write_asked_of_cells
from harness.util.paths import shown

# The exit statuses of the harness for those of pytest. 5 is "no tests collected": the selection was empty.
_PYTEST_EXIT = {
    0: EXIT_OK,
    1: EXIT_UNEXPECTED,
    2: EXIT_INTERRUPTED,
    3: EXIT_INTERNAL,
    4: EXIT_CONFIG,
    5: EXIT_CONFIG,
}


def add_build(parser: argparse.ArgumentParser) -> None:
    _add_cells(parser, "build", "[CELL ...]")
    for option in (*BUILD_OPTIONS, RUN_DIR):
        option.add(parser.add_argument)
    parser.add_argument("-j", dest="jobs", type=int, default=0, help="the same as --jobs")


def run_build(options: argparse.Namespace, rest: list[str]) -> int:
    """Builds cells and says where the builds are."""
    selection, rest = _selected(options, rest)
    if rest:
        raise ConfigError(f"unknown argument {rest[0]!r}", hint="`python -m harness build --help` lists the arguments")
    if not selection.is_one:
        return _run_each(options, selection, "build", as_arguments(options, BUILD_OPTIONS), done="built")
    with _recorded(options, selection.cells[0]):
        print(f"build: {prepare(selection.cells[0].id, BuildRequest.of(options)).build.folder}")
    return EXIT_OK


def add_test(parser: argparse.ArgumentParser) -> None:
    _add_cells(parser, "test", "[CELL ...] [MODULE ...] [-k ...] [pytest's options]")
    for option in TESTING:
        option.add(parser.add_argument, short=True)
    parser.add_argument(
        "-n",
        "--workers",
        type=_number_of_workers,
        default=0,
        help="engines side by side (default: as many as processors and free memory allow)",
    )


def run_test(options: argparse.Namespace, rest: list[str]) -> int:
    """Tests cells with pytest and xdist. The exit status says whether everything was as expected."""
    selection, rest = _selected(options, rest)
    _check_spelling(rest)
    check_numbers(options)
    if not selection.is_one:
        if not options.resume:
            options = with_seed(options)
        if expression := _keyword_in(rest):
            from harness.run.keywords import Keyword  # noqa: PLC0415 - it takes a part of pytest

            # A wrong expression is refused here, and not by every cell.
            Keyword(expression).compiled()
        color = ("--color=yes",) if sys.stdout.isatty() else ()
        arguments = [*as_arguments(options), *color, *rest]
        return _run_each(options, selection, "test", arguments, done="no results", keyword=_keyword_in(rest))
    return _test_one(options, selection.cells[0], rest)


def _check_spelling(rest: Sequence[str]) -> None:
    """ConfigError for a misspelled option of the harness, for which pytest would print its whole usage."""
    ours = [*(option.flag for option in TESTING), "--tag", "--workers"]
    for name in (word.partition("=")[0] for word in rest if word.startswith("--")):
        if near := difflib.get_close_matches(name, ours, n=1, cutoff=0.75):
            raise ConfigError(f"there is no option {name}; did you mean {near[0]}?", hint=OPTIONS_HINT)
    if any(re.fullmatch(r"-j\d*", word) for word in rest):
        raise ConfigError("regrtest's -j N is -n N here: engines side by side", hint=OPTIONS_HINT)


def _keyword_in(rest: Sequence[str]) -> str:
    """The expression of -k among pytest's arguments."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-k", default="")
    return str(parser.parse_known_args(rest)[0].k)


def _add_cells(parser: argparse.ArgumentParser, name: str, usage: str) -> None:
    """Adds the arguments that select cells. The cells themselves are the words before the first option that the parser
    does not know, which argparse cannot express.
    """
    parser.usage = f"python -m harness {name} [options] {usage}"
    modules = ", and the modules if not all of the suite, before all options of pytest's" if name == "test" else ""
    parser.description = (
        f"Name the cells{modules}, or select cells by tag. Several cells end with a table over all of them, and with "
        "the status of the worst."
    )
    tag_help = "the cells with this tag, but those that are declared as broken; may be repeated"
    parser.add_argument("-t", "--tag", action="append", default=[], help=tag_help)


def _number_of_workers(text: str) -> int:
    if text == "auto":
        return 0
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of workers, 1 or more, nor auto")
    return int(text)


def _selected(options: argparse.Namespace, rest: list[str]) -> tuple[Selection, list[str]]:
    """The selected cells, and the arguments after their names."""
    before = list(itertools.takewhile(lambda word: not word.startswith("-") or _SWITCHES.fullmatch(word), rest))
    switches = [word for word in before if word.startswith("-")]
    own = bool(getattr(options, "tests", ""))
    words = [_as_regrtest_names(word, own=own) for word in before if word not in switches]
    names = [word for word in words if not _is_module(word)]
    if not names and not options.tag:
        raise ConfigError(
            "no cell is named", hint="name cells before all options, or -t TAG; `python -m harness cells` lists them"
        )
    matrix = load_configuration()[0]
    declared = {cell.id for cell in matrix.declared}
    stray = [word for word in names if word not in declared]
    if stray and len(stray) < len(names) and not did_you_mean(stray[0], declared):
        raise ConfigError(
            f"{stray[0]!r} is neither a cell nor a module",
            hint="a module is named as for regrtest, test_json; `python -m harness cells` lists the cells",
        )
    if modules := [word for word in words if _is_module(word)]:
        if not hasattr(options, "case"):
            raise ConfigError(f"there is no cell {modules[0]!r}", hint="only `test` takes modules")
        options.case += [dotted(module, own=bool(options.tests)) for module in modules]
    return matrix.selection(ids=names, tags=options.tag), [*switches, *rest[len(before) :]]


# The options of pytest that may be given before the cells: those without a value.
_SWITCHES = re.compile(r"-[vqxs]+")


def _as_regrtest_names(word: str, *, own: bool) -> str:
    """regrtest's name for a path of a module, such as Lib/test/test_json.py or test_json/test_decode.py; any other word
    is returned unchanged. `own` says that it is one of the user's own tests.
    """
    if own:
        return word.removesuffix(".py")
    found = re.search(r"(?:^|/)Lib/test/(test_[\w/]+?)(?:\.py|/)?$", word) or re.match(r"(test_[\w/]+)\.py$", word)
    return f"test.{found[1].replace('/', '.')}" if found else word


def _is_module(word: str) -> bool:
    """Whether the word is a module's name for regrtest. No cell has such a name."""
    return word.startswith(("test_", "test."))


def _run_each(
    options: argparse.Namespace,
    selection: Selection,
    command: str,
    arguments: Sequence[str],
    *,
    done: str,
    keyword: str = "",
) -> int:
    """Runs the command for each cell, with one run folder. `keyword` is the expression of -k."""
    folder = _folder_for(selection.cells, options, keyword) if command == "test" else _build_folder(options)
    asked = options.workers if command == "test" else len(usable_processors())
    planned = plan_here([cell.target for cell in selection.cells], workers=asked)
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
    if not remove_refused(folder):
        point_latest_at(folder)
        print(f"all of it is in {shown(folder)}")
        if status == EXIT_INTERRUPTED and command == "test":
            print(f"go on  {go_on_line(sys.argv, folder)}")
    return status


def _build_folder(options: argparse.Namespace) -> Path:
    return Path(options.run_dir).absolute() if options.run_dir else new_run_folder()


def _folder_for(cells: Sequence[Cell], options: argparse.Namespace, keyword: str) -> Path:
    """The run folder for testing several cells. ConfigError for a folder whose results the run would overwrite, and
    when resuming for one in which a cell was started with another choice of tests.
    """
    names = [cell.id for cell in cells]
    if options.resume:
        folder = (
            Path(options.run_dir).absolute() if options.run_dir else unfinished_run(project_root() / "reports", names)
        )
        check_all_resumed(folder, names, options, keyword)
        return folder
    if options.run_dir and not options.overwrite:
        for name in names:
            check_not_lost(Path(options.run_dir).absolute() / name)
    folder = _build_folder(options)
    write_asked_of_cells(folder, names, options, keyword)
    return folder


@contextlib.contextmanager
def _recorded(options: argparse.Namespace, cell: Cell) -> Iterator[None]:
    """Records an error of the block in the run folder, from which the table over several cells is made."""
    try:
        yield
    except HarnessError as error:
        # A mistake in the arguments makes no run folder, and earlier results are not touched.
        folder = Path(options.run_dir) / cell.id if options.run_dir else None
        kept = folder and has_results(folder) and not getattr(options, "overwrite", False)
        if folder and not kept and (error.exit_code != EXIT_CONFIG or folder.parent.is_dir()):
            with contextlib.suppress(HarnessError, OSError):
                record_error(folder, error)
        raise


def _test_one(options: argparse.Namespace, cell: Cell, rest: list[str]) -> int:
    import pytest  # noqa: PLC0415 - `build` does without

    from harness.run.pytest_plugin import FrontEnd  # noqa: PLC0415

    # At its end, `tmpdir` would delete the temporary folders of earlier runs of pytest, of any project.
    plugins = ["-p", "xdist", "-p", "harness.run.pytest_plugin", "-p", "no:cacheprovider", "-p", "no:tmpdir"]
    ours = [f"--cell={cell.id}", *as_arguments(options), "-q", "--tb=short", "-rN"]
    words = [*plugins, *ours, *worker_arguments(options, rest), *rest]
    with _without_other_plugins():
        status = pytest.main(words, plugins=[front := FrontEnd()])
    if front.error:
        # pytest has printed it already.
        with contextlib.suppress(HarnessError), _recorded(options, cell):
            raise front.error
        return front.error.exit_code
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        print("error: the selection holds no module", file=sys.stderr)
    return _PYTEST_EXIT.get(int(status), int(status))


@contextlib.contextmanager
def _without_other_plugins() -> Iterator[None]:
    """Keeps pytest from loading other installed plugins, which every worker would have to import; `-p NAME` loads one
    all the same. The environment variable for that is restored at the end.
    """
    name = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _names_hosts(rest: Sequence[str]) -> bool:
    return any(word.partition("=")[0] == "--tx" for word in rest)


def worker_arguments(options: argparse.Namespace, rest: Sequence[str]) -> list[str]:
    """pytest's arguments for its workers and its settings. ConfigError for hosts when the current folder is not the
    project's.
    """
    if not _names_hosts(rest):
        # Without -c a folder among the arguments might become pytest's root, which has other settings.
        return ["-n", str(options.workers or "auto"), "-c", str(project_root() / "pyproject.toml"), str(matrix_file())]
    if options.tests:
        raise ConfigError("--tests names files of this machine, and --tx other machines", hint="leave one of them out")
    if options.workers:
        raise ConfigError(
            "-n counts workers of this machine, and --tx names hosts", hint="--tx 4*ssh=HOST counts there"
        )
    if project_root() != Path.cwd():
        raise ConfigError("--tx works in the project's own folder only", hint=f"cd {project_root()}")
    # execnet does not close the pipes to a host that does not answer.
    unclosed = ["-Wignore::pytest.PytestUnraisableExceptionWarning", "-Wignore::ResourceWarning"]
    # Hosts get the same arguments, and paths of this machine have no meaning there.
    return ["--dist=load", "--override-ini=testpaths=matrices", *unclosed]
