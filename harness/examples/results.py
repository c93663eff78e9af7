"""What a command of this package leaves and prints: the results file in the folder of the cell, and the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.examples.trials import Trial, status_of, table, write_trials
from harness.results.run_folder import new_run_folder
from harness.run.prepared import Prepared
from harness.util.files import disk_errors_as_unavailable
from harness.util.paths import shown


def report(
    prepared: Prepared,
    run_dir: str,
    results: str,
    try_all: Callable[[Path], Sequence[Trial]],
    more: Callable[[Sequence[Trial]], Mapping[str, Any]] = lambda _: {},
) -> tuple[str, int]:
    """Tries all in the folder of the cell; gives the table and the exit status. `results` is the name of the file;
    what `more` gives of the trials is in it too.
    """
    folder = (Path(run_dir).absolute() if run_dir else new_run_folder()) / prepared.cell.id
    with disk_errors_as_unavailable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        trials = try_all(folder)
    manifest, cell = prepared.build.manifest, prepared.cell
    tested = {
        "python": manifest.python,
        "toolchain": manifest.toolchain.version,
        "engine": f"{cell.engine} {cell.runtime}",
    }
    write_trials(folder / results, cell.id, tested, trials, more(trials))
    return f"{table(trials)}\nresults: {shown(folder / results)}", status_of(trials)
