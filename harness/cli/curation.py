"""The commands that keep the lists: `python -m harness lint`, `update`, `export`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from harness.errors import EXIT_OK, ConfigError
from harness.project import HISTORY_FILE

ROWS_SHOWN = 40


def add_commands(commands: Any) -> None:
    """Adds their parsers to those of `python -m harness`."""
    linting = commands.add_parser("lint", help="check the expectation lists against every cell and the suite")
    _add_folders(linting)
    linting.set_defaults(run=lint)

    updating = commands.add_parser("update", help="what results change in the expectation lists")
    updating.add_argument("results", nargs="+", metavar="RESULTS", help="results.json of any cells, or folders of runs")
    updating.add_argument("--write", action="store_true", help="change the lists; without it only show the difference")
    updating.add_argument("--runs", type=int, default=3, metavar="N", help="runs that must agree before an entry goes")
    updating.add_argument("--accept-regression", action="store_true", help="list also what used to pass")
    updating.add_argument(
        "--learn-signatures", action="store_true", help="give entries without a signature the one that was seen"
    )
    what = "count the runs of this history too (default: history.sqlite in the reports, if it is there)"
    updating.add_argument("--history", type=Path, metavar="FILE", help=what)
    _add_folders(updating)
    updating.set_defaults(run=update)

    exporting = commands.add_parser("export", help="the lists in the words of others")
    kinds = exporting.add_subparsers(required=True, metavar="KIND")
    ignoring = kinds.add_parser("regrtest", help="a file for regrtest's --ignorefile")
    ignoring.add_argument("cell")
    pyodide = kinds.add_parser("pyodide", help="entries for Pyodide's src/tests/python_tests.yaml")
    pyodide.add_argument("cell")
    page = kinds.add_parser("limitations", help="a page of Markdown: each limitation and the cases behind it")
    page.add_argument("results", nargs="*", metavar="RESULTS", help="count what these runs know, cell by cell")
    patch = kinds.add_parser("patch", help="an entry as skip decorators, a patch for CPython")
    patch.add_argument("entry", metavar="TEST-or-PLACE", help="one of its tests, or its place: fs.toml:12")
    patch.add_argument("--source", default="", metavar="DIR", help="CPython's source (default: that of the cache)")
    for kind, word in ((ignoring, "regrtest"), (pyodide, "pyodide"), (page, "limitations"), (patch, "patch")):
        _add_folders(kind)
        kind.set_defaults(run=export, kind=word)


def _add_folders(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lists", default="", metavar="DIR", help="the lists (default: expected_failures/)")
    parser.add_argument("--reports", default="", metavar="DIR", help="the runs that know the suite (default: reports/)")


def lint(options: argparse.Namespace, rest: list[str]) -> int:  # noqa: ARG001 - as every command
    """Prints whence the ids are known; ConfigError with every problem of every list."""
    from harness.curation.lint import causes_text  # noqa: PLC0415
    from harness.curation.lint import find_problems as find_problems  # noqa: PLC0415
    from harness.curation.workspace import load_workspace  # noqa: PLC0415

    rooms = load_workspace(options.lists, options.reports)
    suites = rooms.suites()
    problems = find_problems(rooms.lists, rooms.registry, rooms.cells, suites)
    print("\n".join(suites.notes))
    if problems or rooms.unreadable:
        raise ConfigError(
            f"{_counted(len(problems) + len(rooms.unreadable), 'problem')} in the expectation lists:",
            problems=[*problems, *rooms.unreadable],
        )
    if rooms.lists.entries:
        print(causes_text(rooms.lists.entries, rooms.registry))
    print(f"{_counted(len(rooms.lists.entries), 'entry')}: no problem")
    return EXIT_OK


def update(options: argparse.Namespace, rest: list[str]) -> int:  # noqa: ARG001 - as every command
    """Shows, or writes, what the results change. ConfigError when the lists have mistakes."""
    from harness.curation.update import update as updater  # noqa: PLC0415
    from harness.curation.update.decide import Rules  # noqa: PLC0415
    from harness.curation.workspace import load_workspace  # noqa: PLC0415

    if options.runs < 1:
        raise ConfigError("--runs must be at least 1", hint="nothing is removed on the word of no run")
    rooms = load_workspace(options.lists, options.reports)
    if problems := [*rooms.unreadable, *rooms.lists.problems]:
        raise ConfigError("the expectation lists have mistakes:", problems=problems)
    paths = [path for word in options.results for path in _results_in(Path(word))]
    usual = rooms.reports / HISTORY_FILE
    history = options.history or (usual if usual.is_file() else None)
    runs = updater.gather(paths, rooms.reports, say=print, history=history)
    rules = Rules(runs=options.runs, accept_regression=options.accept_regression)
    found = updater.update(rooms, runs, rules, learn_signatures=options.learn_signatures)
    print(found.diff(), end="")
    if options.write:
        updater.write(found, rooms.folder)
    for line in updater.summary_lines(found, rows=ROWS_SHOWN):
        print(line)
    done = "changed" if options.write else "would change with --write"
    print(f"{_counted(len(runs), 'run')} read, {_counted(len(found.changed), 'list')} {done}")
    return EXIT_OK


def _results_in(path: Path) -> list[Path]:
    """The file itself, or every results.json below a folder."""
    if not path.is_dir():
        return [path]
    if found := sorted(path.rglob("results.json")):
        return found
    raise ConfigError(f"there is no results.json in {path}", hint="a run writes it at its end")


def export(options: argparse.Namespace, rest: list[str]) -> int:  # noqa: ARG001 - as every command
    """Prints the lists in another form; what cannot be said in it goes to standard error."""
    from harness.curation.export.command import export_lists  # noqa: PLC0415

    text, notes = export_lists(options)
    print(text, end="")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    return EXIT_OK


def _counted(count: int, word: str) -> str:
    plural = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return f"{count:,} {word if count == 1 else plural}"
