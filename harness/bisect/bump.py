"""`bump`: a cell as it is pinned and with another version, tested one after the other, and what that changes."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.bisect.bump_page import (
    FirstBad,
    ListChange,
    SkipChange,
    bisection_words,
    bump_page,
    needed_skips,
    worse_groups,
)
from harness.bisect.loop import add_bisect_arguments, bisected
from harness.bisect.steps import LOG_FILE, harness_command, run_to_end
from harness.curation.export.skip_patch import skip_patch
from harness.curation.update.decide import Rules
from harness.curation.update.evidence import read_run
from harness.curation.update.update import summary_lines, update
from harness.curation.workspace import load_workspace
from harness.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_UNEXPECTED, ConfigError, HarnessError
from harness.matrix.cells import Cell
from harness.matrix.load import load_configuration
from harness.results.cell_results import CellResults, load_results
from harness.results.command_line import case_word
from harness.results.diff import CellDiff, diff_cells
from harness.results.run_folder import ERROR_FILE, RESULTS_FILE, new_run_folder, read_failure
from harness.util.cache import cache_root
from harness.util.files import text_or_none, write_atomically
from harness.util.paths import shown
from harness.util.process import capture
from harness.util.versions import is_number

logger = logging.getLogger(__name__)

PAGE = "bump.md"
# The options that name what is new. Both sides get all others.
NEW_OPTIONS = ("cpython", "toolchain", "runtime")
_SECONDS_BETWEEN_LINES = 60.0
AUDIT_LOG = "audit.log"


def compare_versions(options: argparse.Namespace, common: Sequence[str], rest: Sequence[str]) -> int:
    """Tests both sides and prints the page. 0 when no case differs, 1 when any does.

    `common` are the options that both sides get, `rest` the modules and whatever else `test` takes.
    """
    chosen = [f"--{name}={value}" for name in NEW_OPTIONS if (value := getattr(options, name))]
    if not chosen:
        raise ConfigError(
            "bump compares the cell with one of another version, and none is named",
            hint="name it with --toolchain, --runtime or --cpython",
        )
    matrix, _ = load_configuration()
    cell = matrix.cell(options.cell)
    if options.bisect:
        _check_can_bisect(options, cell)
    run = Path(options.run_dir).absolute() if options.run_dir else new_run_folder()
    modules = list(itertools.takewhile(lambda word: not word.startswith("-"), rest))
    asking, others = ["test", cell.id, *modules], [*common, *rest[len(modules) :]]
    # The new one first: it is more likely than what is pinned to be mistyped, not to be there, or not to build.
    new = _tested("new", cell.id, [*asking, *chosen, *others], run / "new")
    pinned = _tested("pinned", cell.id, [*asking, *others], run / "pinned")
    pair = diff_cells(pinned, new, names=("pinned", "new"))
    lists, source = _list_change(pinned, new), _source_of(new)
    skips = _added_skips(pair, new, source)
    write_atomically(run / PAGE, bump_page(pair, pinned, new, lists, skips=skips))
    if options.audit:
        skips = _audited(skips, {"new": [*chosen, *common], "pinned": common}, cell, source, run)
        write_atomically(run / PAGE, bump_page(pair, pinned, new, lists, skips=skips))
    first_bad = _first_bad(pair, pinned, new, options.bisections, run) if options.bisect else ()
    page = bump_page(pair, pinned, new, lists, first_bad=first_bad, skips=skips)
    write_atomically(run / PAGE, page)
    print(f"\n{page}\nthe page is {shown(run / PAGE)}")
    return EXIT_UNEXPECTED if pair.changes else EXIT_OK


def _tested(side: str, cell: str, asking: Sequence[str], folder: Path) -> CellResults:
    """The results of one side, in a process of its own: pytest has state of the whole process. HarnessError when there
    are none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    status = _run(side, [*asking, f"--run-dir={folder}"], folder / LOG_FILE)
    if status not in {EXIT_OK, EXIT_UNEXPECTED}:
        raise _failure(side, folder, cell, status)
    return load_results(folder / cell / RESULTS_FILE)


def _run(what: str, words: Sequence[str], log: Path) -> int:
    """The status of a command of the harness, with a line a minute while it runs."""
    logger.info("%s: python -m harness %s", what, " ".join(words))
    last = time.monotonic()

    def on_tick(seconds: float) -> None:
        nonlocal last
        if time.monotonic() - last > _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            logger.info("%s: %d min; %s", what, seconds // 60, shown(log))

    done = run_to_end(harness_command(words), log, on_tick)
    if done.returncode == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    return done.returncode


def _failure(side: str, folder: Path, cell: str, status: int) -> HarnessError:
    why = f"the test ended with status {status}"
    if (folder / cell / ERROR_FILE).is_file():
        why = read_failure(folder / cell / ERROR_FILE)[1]
    error = HarnessError(f"{side}: {why}", hint=f"its output is {folder / LOG_FILE}")
    error.exit_code = status
    return error


def _check_can_bisect(options: argparse.Namespace, cell: Cell) -> None:
    """ConfigError when what is new is no version that `bisect` can go through."""
    traits = cell.target.traits
    axes = {"toolchain": traits.toolchain_axis, "runtime": cell.engine.value, "cpython": ""}
    named = [name for name in NEW_OPTIONS if getattr(options, name)]
    if len(named) != 1 or axes[named[0]] not in traits.bisect_axes:
        new = f"{' and '.join(f'--{name}' for name in named)} {'is' if len(named) == 1 else 'are'} new"
        known = " or ".join(f"--{name}" for name in NEW_OPTIONS if axes[name] in traits.bisect_axes)
        raise ConfigError(
            f"--bisect of {cell.id} goes from one version to another of one thing, {known}, and {new}",
            hint="leave --bisect out; the commits of a CPython are those of `python -m harness bisect --axis cpython`",
        )
    if not is_number(value := getattr(options, named[0])):
        raise ConfigError(
            f"--bisect goes from one version to another, and --{named[0]} {value} names none",
            hint="leave --bisect out, or give a version",
        )


def _first_bad(pair: CellDiff, pinned: CellResults, new: CellResults, limit: int, run: Path) -> tuple[FirstBad, ...]:
    """The first bad version of a case of each group that got worse, of so many groups at most, the worst first.

    A case whose bisection does not come to an answer says why.
    """
    groups = worse_groups(pair, new)
    found = []
    for number, group in enumerate(groups[:limit], 1):
        case = group.cases[0]
        words = bisection_words(case_word(case.case, case.module), pair, pinned, new)
        if not words:
            return (FirstBad(group=group, found="not bisected: the two runs differ in no version, or in two"),)
        parser = argparse.ArgumentParser()
        add_bisect_arguments(parser)
        asked = parser.parse_args([*words, f"--run-dir={run / f'bisect-{number}'}"])
        logger.info("bisecting %s, %d of %d", case.case, number, min(len(groups), limit))
        try:
            bisection, report = bisected(asked)
            found.append(FirstBad(group=group, found=bisection.headline, report=str(report.relative_to(run))))
        except HarnessError as error:
            found.append(FirstBad(group=group, found=f"not bisected: {error.message}"))
    return tuple(found)


def _source_of(new: CellResults) -> Path | None:
    """The source of the CPython that was tested; None where the cache has none, as of one that is built elsewhere."""
    tree = cache_root() / "sources" / str(new.build.inputs.get("source", "")) / "tree"
    return tree if (tree / "Lib" / "test").is_dir() else None


def _added_skips(pair: CellDiff, new: CellResults, source: Path | None) -> SkipChange:
    """The skips that CPython's own tests would need with the new version; none after runs of own tests."""
    needed = needed_skips(pair, new)
    if source is None or not needed or new.run.options.tests:
        return SkipChange()
    found = skip_patch(needed, lambda file: text_or_none(source / file))
    return SkipChange(added=found.text, remarks=tuple(f"`{test}` {why}" for test, why in sorted(found.remarks.items())))


def _audited(
    skips: SkipChange, builds: Mapping[str, Sequence[str]], cell: Cell, source: Path | None, run: Path
) -> SkipChange:
    """With the skips that may go, after an audit of what each side skips; `builds` are the options for the build of
    each. A side that cannot be audited is left out, with a warning.
    """
    for side, options in builds.items():
        log = run / side / AUDIT_LOG
        if _run(f"audit of {side}", ["audit-skips", cell.id, *options, f"--results={run / side}"], log) != EXIT_OK:
            logger.warning("audit of %s: it has no result: %s", side, shown(log))
    table = _said(["stale-skips", str(run / "pinned"), str(run / "new")])
    patch = _said(["stale-skips", str(run / "new"), f"--patch={source}"]) if source else ""
    return dataclasses.replace(skips, table=table, removed=patch)


def _said(words: Sequence[str]) -> str:
    command = harness_command(words)
    return capture(command.argv, cwd=command.cwd, env=command.env)


def _list_change(pinned: CellResults, new: CellResults) -> ListChange:
    """What the updater would change in the lists after both runs; nothing after runs of own tests."""
    if new.run.options.tests:
        return ListChange()
    runs = [read_run(pinned, source="pinned", index=0), read_run(new, source="new", index=1)]
    found = update(load_workspace(), runs, Rules(runs=1, accept_regression=True), learn_signatures=False)
    return ListChange(patch=found.diff(), notes=tuple(summary_lines(found, rows=10)))
