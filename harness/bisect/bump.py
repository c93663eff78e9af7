"""`bump`: a cell as it is pinned and with another version, tested one after the other, and what that changes."""

from __future__ import annotations

import argparse
import itertools
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from harness.bisect.bump_page import ListChange, bump_page
from harness.bisect.steps import LOG_FILE, harness_command, run_to_end
from harness.curation.update.decide import Rules
from harness.curation.update.evidence import read_run
from harness.curation.update.update import summary_lines, update
from harness.curation.workspace import load_workspace
from harness.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_UNEXPECTED, ConfigError, HarnessError
from harness.matrix.load import load_configuration
from harness.results.cell_results import CellResults, load_results
from harness.results.diff import diff_cells
from harness.results.run_folder import ERROR_FILE, RESULTS_FILE, new_run_folder, read_failure
from harness.util.files import write_atomically
from harness.util.paths import shown

logger = logging.getLogger(__name__)

PAGE = "bump.md"
# The options that name what is new. Both sides get all others.
NEW_OPTIONS = ("cpython", "toolchain", "runtime")
_SECONDS_BETWEEN_LINES = 60.0


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
    run = Path(options.run_dir).absolute() if options.run_dir else new_run_folder()
    modules = list(itertools.takewhile(lambda word: not word.startswith("-"), rest))
    asking, others = ["test", cell.id, *modules], [*common, *rest[len(modules) :]]
    pinned = _tested("pinned", cell.id, [*asking, *others], run / "pinned")
    new = _tested("new", cell.id, [*asking, *chosen, *others], run / "new")
    pair = diff_cells(pinned, new, names=("pinned", "new"))
    page = bump_page(pair, pinned, new, _list_change(pinned, new))
    write_atomically(run / PAGE, page)
    print(f"\n{page}\nthe page is {shown(run / PAGE)}")
    return EXIT_UNEXPECTED if pair.changes else EXIT_OK


def _tested(side: str, cell: str, asking: Sequence[str], folder: Path) -> CellResults:
    """The results of one side, in a process of its own: pytest has state of the whole process. HarnessError when there
    are none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    logger.info("%s: python -m harness %s", side, " ".join(asking))
    last = time.monotonic()

    def on_tick(seconds: float) -> None:
        nonlocal last
        if time.monotonic() - last > _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            logger.info("%s: %d min; %s", side, seconds // 60, shown(folder / LOG_FILE))

    done = run_to_end(harness_command([*asking, f"--run-dir={folder}"]), folder / LOG_FILE, on_tick)
    if done.returncode == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    if done.returncode not in {EXIT_OK, EXIT_UNEXPECTED}:
        raise _failure(side, folder, cell, done.returncode)
    return load_results(folder / cell / RESULTS_FILE)


def _failure(side: str, folder: Path, cell: str, status: int) -> HarnessError:
    why = f"the test ended with status {status}"
    if (folder / cell / ERROR_FILE).is_file():
        why = read_failure(folder / cell / ERROR_FILE)[1]
    error = HarnessError(f"{side}: {why}", hint=f"its output is {folder / LOG_FILE}")
    error.exit_code = status
    return error


def _list_change(pinned: CellResults, new: CellResults) -> ListChange:
    """What the updater would change in the lists after both runs; nothing after runs of own tests."""
    if new.run.options.tests:
        return ListChange()
    runs = [read_run(pinned, source="pinned", index=0), read_run(new, source="new", index=1)]
    found = update(load_workspace(), runs, Rules(runs=1, accept_regression=True), learn_signatures=False)
    return ListChange(patch=found.diff(), notes=tuple(summary_lines(found, rows=10)))
