"""The command `export`: finds what an export needs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.curation.export.formats import limitations_page, pattern_of, pyodide_entries, regrtest_patterns, why_of
from harness.curation.export.pyodide_file import Addition, changed_list, lacking
from harness.curation.export.skip_patch import skip_patch
from harness.curation.imports.comparison import compare_run
from harness.curation.imports.formats import (
    PYODIDE_RUNTIMES,
    ForeignEntry,
    ForeignList,
    load_pyodide,
    parse_pyodide,
    pyodide_list,
    read_pyodide,
)
from harness.curation.workspace import Workspace, load_workspace
from harness.errors import ConfigError, did_you_mean
from harness.expectations.entries import CellExpectations, Expectation, Expectations
from harness.matrix.cells import Cell, Matrix
from harness.matrix.conditions import VersionRange
from harness.results.case_ids import dotted, subject_of
from harness.results.cell_results import load_results
from harness.results.run_folder import one_result_in, results_in
from harness.sources.base import read_version
from harness.util.cache import cache_root
from harness.util.files import text_or_none

Export = tuple[str, Sequence[str]]


def export_lists(options: argparse.Namespace) -> Export:
    """The text, and notes on what it leaves out. ConfigError for lists with mistakes, or what is not in them."""
    workspace = load_workspace(options.lists, options.reports)
    if problems := [*workspace.unreadable, *workspace.lists.problems, *workspace.lists.unfinished]:
        raise ConfigError("the expectation lists have mistakes:", problems=problems)
    return _EXPORTS[options.kind](options, workspace)


def _regrtest(options: argparse.Namespace, workspace: Workspace) -> Export:
    cell, expected = _expected(options.cell, workspace)
    modules, source = _modules(cell, workspace)
    notes = (
        [f"the modules are those of {source}"]
        if modules
        else [f"no run and no build of {cell.id}: the id of a module cannot be distinguished from that of a case"]
    )
    return regrtest_patterns(expected, modules), notes


def _pyodide(options: argparse.Namespace, workspace: Workspace) -> Export:
    cell, expected = _expected(options.cell, workspace)
    if options.file:
        return _pyodide_file(options, cell, expected)
    if options.results:
        raise ConfigError("--results says what can go from a list", hint="--file FILE names the list")
    modules, source = _modules(cell, workspace)
    if not modules:
        raise ConfigError(
            f"there is no run and no build of {cell.id}, so its modules are not known",
            hint=f"`python -m harness build {cell.id}`",
        )
    text, homeless = pyodide_entries(expected, modules)
    about = f"the modules are those of {source}"
    return text, [about, *(f"{test} is left out: its id does not say its module" for test in homeless)]


def _pyodide_file(options: argparse.Namespace, cell: Cell, expected: CellExpectations) -> Export:
    """Pyodide's own file with what the lists expect here and it does not leave out, and without what a run of the cell
    shows to be good.
    """
    text, data = load_pyodide(options.file)
    runtime = PYODIDE_RUNTIMES.get(cell.engine.value, cell.engine.value)
    foreign = read_pyodide(options.file, runtime)
    stale: tuple[ForeignEntry, ...] = ()
    if options.results:
        results = load_results(one_result_in(options.results))
        if results.cell.id != cell.id:
            raise ConfigError(f"{options.results} has the results of {results.cell.id}, not of {cell.id}")
        found = compare_run(foreign, results).findings
        stale = tuple(finding.entry for finding in found if finding.is_stale or finding.is_gone)
    names = [name for item in data for name in ([item] if isinstance(item, str) else item)]
    tests = {subject_of(test): test for test in expected.entries}
    kept = [entry for entry in foreign.entries if entry not in stale]
    owners = lacking(tests, kept, names)
    added = [_addition(tests[subject], owner, expected) for subject, owner in owners.items()]
    added.sort(key=lambda addition: (addition.module, addition.why, addition.pattern))
    changed = changed_list(text, data, stale, added, runtime)
    after = {(entry.module, entry.pattern) for entry in _read_again(changed, options.file, runtime).entries}
    if lost := [addition for addition in added if (dotted(addition.module), addition.pattern) not in after]:
        raise ConfigError(
            f"{options.file}: the entry of {lost[0].module} has a form that cannot be changed line by line",
            hint="write its `skip:` as a list with a line for each pattern",
        )
    staying = sum((entry.module, entry.pattern) in after for entry in stale)
    taken = f"{len(stale) - staying} taken out, which pass, skip or do not exist in that run"
    more = f"; {staying} more share their line with others and stay" if staying else ""
    return changed, [f"{len(added)} added, {taken}{more}"]


def _read_again(changed: str, path: Path, runtime: str) -> ForeignList:
    return pyodide_list(parse_pyodide(changed, path), path, runtime)


def _addition(test: str, owner: str, expected: CellExpectations) -> Addition:
    is_module = subject_of(test) == dotted(owner)
    pattern = "" if is_module else pattern_of(test, {dotted(owner)})
    return Addition(module=owner, pattern=pattern, why=why_of(expected.entries[test]))


def _limitations(options: argparse.Namespace, workspace: Workspace) -> Export:
    results = [load_results(path) for word in options.results for path in results_in(Path(word))]
    newest = {found.cell.id: found for found in sorted(results, key=lambda found: found.run.started)}
    expectations = Expectations(workspace.lists.entries)
    return limitations_page(workspace.registry, expectations, [newest[cell] for cell in sorted(newest)]), ()


def _patch(options: argparse.Namespace, workspace: Workspace) -> Export:
    entry, root = _chosen(options.entry, workspace), _source(options.source)
    _check_holds(entry, root)
    found = skip_patch((entry,), lambda file: text_or_none(root / file))
    notes = [f"{axis}: no test can ask for it, so the skip is broader than {entry.place}" for axis in found.left_out]
    notes += [f"{test} {why}" for test, why in sorted(found.remarks.items())]
    return found.text, notes


_EXPORTS: dict[str, Callable[[argparse.Namespace, Workspace], Export]] = {
    "regrtest": _regrtest,
    "pyodide": _pyodide,
    "limitations": _limitations,
    "patch": _patch,
}


def _expected(cell_id: str, workspace: Workspace) -> tuple[Cell, CellExpectations]:
    cell = Matrix(workspace.cells).cell(cell_id)
    return cell, Expectations(workspace.lists.entries).for_cell(cell)


def _modules(cell: Cell, workspace: Workspace) -> tuple[tuple[str, ...], str]:
    """The cell's modules, or those of any other cell: the suite is nearly the same for all. And the run or the build
    that knows them; none where there is neither.
    """
    suites = workspace.suites().by_cell
    suite = suites.get(cell.id) or next(iter(suites.values()), None)
    return (tuple(sorted(suite.modules)), suite.source) if suite else ((), "")


def _check_holds(entry: Expectation, root: Path) -> None:
    """ConfigError when the entry is about other versions of CPython than that of the source."""
    wanted = dict(entry.when.terms).get("python")
    version = read_version(root) if (root / "Include" / "patchlevel.h").is_file() else ""
    if version and isinstance(wanted, VersionRange) and not wanted.holds(version):
        raise ConfigError(
            f"{entry.place} holds for CPython {wanted.text}, and {root} is {version}: there is nothing to skip",
            hint="--source DIR names another source",
        )


def _chosen(word: str, workspace: Workspace) -> Expectation:
    """The one entry of that test, or at that place: any line of it."""
    entries = workspace.lists.entries
    place = _first_line(word, workspace)
    found = [entry for entry in entries if word in entry.tests or entry.place == place]
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(entry.place for entry in found)
        raise ConfigError(f"{word!r} is in several entries: {places}", hint="name one of them by its place")
    near = did_you_mean(word, {test for entry in entries for test in entry.tests} | {entry.place for entry in entries})
    raise ConfigError(f"no entry has the test or the place {word!r}", hint=near or "a place is named as fs.toml:12")


def _first_line(word: str, workspace: Workspace) -> str:
    """The place of the entry in which a line of a list is, such as `fs.toml:12`; the word itself when it names none."""
    name, _, line = word.rpartition(":")
    files = [file for file in workspace.texts if file == name or file.endswith(f"/{name}")]
    if len(files) != 1 or not line.isdecimal() or int(line) > len(workspace.texts[files[0]].splitlines()):
        return word
    places = (entry.place.rpartition(":") for entry in workspace.lists.entries)
    begins = [int(first) for file, _, first in places if file == files[0] and int(first) <= int(line)]
    return f"{files[0]}:{max(begins)}" if begins else word


def _source(given: str) -> Path:
    """The root of CPython's source."""
    if given:
        folder = Path(given)
        if not (folder / "Lib" / "test").is_dir():
            raise ConfigError(f"{given} is no source of CPython: it has no Lib/test", hint="name a checkout")
        return folder
    found = sorted(cache_root().glob("sources/*/tree/Lib/test"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise ConfigError("there is no source of CPython in the cache", hint="name a checkout: --source DIR")
    return found[-1].parent.parent
