"""`lint`, `update`, `export` and `import`: the expectation lists, checked, changed and in the formats of other runners;
and the lists of others.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.curation.lint import causes_text, find_problems, unchecked_text
from harness.curation.workspace import load_workspace
from harness.errors import EXIT_OK, ConfigError
from harness.project import HISTORY_FILE
from harness.results.case_ids import dotted
from harness.results.run_folder import RESULTS_FILE, one_result_in
from harness.run.options import one_or_more
from harness.util.paths import shown
from harness.util.text import counted

if TYPE_CHECKING:
    from harness.curation.imports.comparison import ListComparison
    from harness.results.cell_results import CellResults

_SKIPPED_SHOWN = 40


def add_lint(parser: argparse.ArgumentParser) -> None:
    _add_folders(parser)


def run_lint(options: argparse.Namespace) -> int:
    """Prints where the ids are known from; ConfigError with every problem of every list."""
    workspace = load_workspace(options.lists, options.reports)
    suites = workspace.suites()
    problems = find_problems(workspace.lists, workspace.registry, workspace.cells, suites)
    print("\n".join(suites.notes))
    if problems or workspace.unreadable:
        raise ConfigError(
            f"{counted(len(problems) + len(workspace.unreadable), 'problem')} in the expectation lists:",
            problems=[*problems, *workspace.unreadable],
        )
    if workspace.lists.entries:
        print(causes_text(workspace.lists.entries, workspace.registry))
    unchecked = unchecked_text(workspace.lists, workspace.cells, suites)
    print("; ".join(filter(None, [f"{counted(len(workspace.lists.entries), 'entry')}: no problem", unchecked])))
    return EXIT_OK


def add_update(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", nargs="+", metavar="RESULTS", help="results.json of any cells, or folders of runs")
    parser.add_argument("--write", action="store_true", help="change the lists; without it only show the difference")
    parser.add_argument(
        "--runs", type=one_or_more, default=3, metavar="N", help="runs that must agree before an entry goes"
    )
    parser.add_argument("--accept-regression", action="store_true", help="list also what used to pass")
    parser.add_argument("--cautious", action="store_true", help="change nothing in cells without a run")
    parser.add_argument(
        "--learn-signatures", action="store_true", help="give entries without a signature the one that was seen"
    )
    what = "count the runs of this history too (default: history.sqlite in the reports, if it is there)"
    parser.add_argument("--history", type=Path, metavar="FILE", help=what)
    _add_folders(parser)


def run_update(options: argparse.Namespace) -> int:
    """Shows, or writes, what the results change. ConfigError when the lists have mistakes."""
    from harness.curation.update import update as updater  # noqa: PLC0415 - `lint` does without, in half the time
    from harness.curation.update.decide import Rules  # noqa: PLC0415

    workspace = load_workspace(options.lists, options.reports)
    if problems := [*workspace.unreadable, *workspace.lists.problems]:
        raise ConfigError("the expectation lists have mistakes:", problems=problems)
    paths = [path for word in options.results for path in _results_in(Path(word))]
    usual = workspace.reports / HISTORY_FILE
    history = options.history or (usual if usual.is_file() else None)
    runs = updater.gather(paths, workspace.reports, history=history)
    rules = Rules(runs=options.runs, accept_regression=options.accept_regression, cautious=options.cautious)
    found = updater.update(workspace, runs, rules, learn_signatures=options.learn_signatures)
    print(found.diff(), end="")
    if options.write:
        updater.write(found, workspace.folder)
    for line in updater.summary_lines(found, rows=_SKIPPED_SHOWN, written=options.write):
        print(line)
    done = "changed" if options.write else "would change with --write"
    print(f"read: {', '.join(_read_from(run.source) for run in runs)}")
    print(f"{counted(len(runs), 'run')} read, {counted(len(found.changed), 'list')} {done}")
    return EXIT_OK


def _read_from(source: str) -> str:
    """The run as a user would name it: a file's folder, or the source that the history has."""
    return shown(Path(source).parent) if source.endswith(RESULTS_FILE) else source


def _results_in(path: Path) -> list[Path]:
    """The file itself, or every results.json below a folder."""
    if not path.is_dir():
        return [path]
    if found := sorted(path.rglob(RESULTS_FILE)):
        return found
    raise ConfigError(f"there is no {RESULTS_FILE} in {path}", hint="a run writes it at its end")


def add_export(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(required=True, metavar="KIND")
    ignoring = kinds.add_parser("regrtest", help="a file for regrtest's --ignorefile")
    ignoring.add_argument("cell")
    pyodide = kinds.add_parser("pyodide", help="entries for Pyodide's src/tests/python_tests.yaml")
    pyodide.add_argument("cell")
    what = "the whole of Pyodide's list, with what the lists here expect and it does not have"
    pyodide.add_argument("--file", type=Path, metavar="FILE", help=what)
    goes = "with --file: without what is good in this run of the cell"
    pyodide.add_argument("--results", type=Path, metavar="RUN", help=goes)
    page = kinds.add_parser("limitations", help="a page of Markdown: each limitation and the cases behind it")
    page.add_argument("results", nargs="*", metavar="RUN", help="count what these runs know: folders or results.json")
    patch = kinds.add_parser("patch", help="an entry as skip decorators, a patch for CPython")
    patch.add_argument("entry", metavar="TEST-or-PLACE", help="one of its tests, or a line of it: fs.toml:12")
    patch.add_argument("--source", default="", metavar="DIR", help="CPython's source (default: that of the cache)")
    for kind, word in ((ignoring, "regrtest"), (pyodide, "pyodide"), (page, "limitations"), (patch, "patch")):
        _add_folders(kind)
        kind.set_defaults(kind=word)


def run_export(options: argparse.Namespace) -> int:
    """Prints the lists in another form; what cannot be said in it goes to standard error."""
    from harness.curation.export.command import export_lists  # noqa: PLC0415 - as above

    text, notes = export_lists(options)
    print(text, end="")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    return EXIT_OK


def add_import(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(required=True, metavar="KIND")
    pyodide = kinds.add_parser("pyodide", help="Pyodide's src/tests/python_tests.yaml")
    regrtest = kinds.add_parser("regrtest", help="a file for regrtest's --ignorefile")
    for kind, word in ((pyodide, "pyodide"), (regrtest, "regrtest")):
        kind.add_argument("file", type=Path, metavar="FILE")
        kind.add_argument("results", type=Path, metavar="RESULTS", help="the run of a cell, or its results.json")
        kind.set_defaults(kind=word)
    marked = kinds.add_parser("decorators", help="skips and expected failures in CPython's tests that name WebAssembly")
    marked.add_argument("file", type=Path, metavar="TREE", help="a checkout of CPython, or its Lib/test")
    marked.add_argument("results", type=Path, metavar="RESULTS", help="the run of a cell, with its audit.json if any")
    marked.set_defaults(kind="decorators")


def run_import(options: argparse.Namespace) -> int:
    """Prints what somebody else's list leaves out without need in a run, and what it does not know."""
    from harness.curation.imports.comparison import compare_run, render_comparison  # noqa: PLC0415 - as above
    from harness.curation.imports.formats import PYODIDE_RUNTIMES, read_pyodide, read_regrtest  # noqa: PLC0415
    from harness.results.cell_results import load_results  # noqa: PLC0415

    path = one_result_in(options.results)
    results = load_results(path)
    if options.kind == "decorators":
        print(render_comparison(_decorators_against(options.file, results, path.parent)), end="")
        return EXIT_OK
    read = {"pyodide": read_pyodide, "regrtest": read_regrtest}[options.kind]
    foreign = read(options.file, PYODIDE_RUNTIMES.get(results.cell.engine.value, results.cell.engine.value))
    print(render_comparison(compare_run(foreign, results)), end="")
    if other := results.suite_note:
        print(f"note: {other}", file=sys.stderr)
    if not results.run.complete:
        print("note: only a part of the suite was run; of the rest nothing is said", file=sys.stderr)
    return EXIT_OK


def _decorators_against(tree: Path, results: CellResults, folder: Path) -> ListComparison:
    """The decorators of the tree against the run in the folder, and what an audit of its skips saw."""
    from harness.curation.imports.comparison import behind_gates, compare_list  # noqa: PLC0415 - as above
    from harness.curation.imports.decorators import read_decorators  # noqa: PLC0415
    from harness.diagnostics.skip_audit import AUDIT_FILE, read_audit  # noqa: PLC0415

    names = [dotted(module.module, own=module.own) for module in results.modules]
    foreign = read_decorators(tree, results.cell, names)
    forced = {case.case: case.outcome for case in read_audit(folder / AUDIT_FILE)}
    if not forced:
        said = f"there is no {AUDIT_FILE}: `python -m harness audit-skips {results.cell.id} --results {shown(folder)}`"
        print(f"note: {said} runs what the suite skips, and shows what need not be skipped", file=sys.stderr)
    apart = {row.case for row in results.comparison.of_other_version}
    modules = behind_gates(results.modules, forced)
    return compare_list(foreign, results.cell.id, modules, skips_are_good=False, apart=apart)


def _add_folders(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lists", default="", metavar="DIR", help="the lists (default: expected_failures/)")
    parser.add_argument("--reports", default="", metavar="DIR", help="the runs that know the suite (default: reports/)")
