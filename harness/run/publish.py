"""Writes the results of a cell to files, and renders them for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.limitations.skip_account import account_for
from harness.limitations.skip_text import one_line
from harness.report import console, junit
from harness.report.newly import NewSkip, newly_skipped, nothing_ran
from harness.results.cell_results import CellResults, write_results
from harness.results.run_folder import RESULTS_FILE, point_latest_at
from harness.results.verdicts import CaseVerdict, Comparison
from harness.util.paths import shown

WIDTH = 110


def publish(
    results: CellResults, folder: Path, *, color: bool, known: Sequence[CaseVerdict] = (), go_on: str = ""
) -> str:
    """Writes results.json and junit.xml into the cell's folder of a run, and returns the text for the terminal. `known`
    are the known failures that it shows, `go_on` is the command that resumes the run.
    """
    # Of a run folder with a name of its own the previous run is `latest`, which becomes this run below.
    newly = newly_skipped_in(results, folder / RESULTS_FILE)
    write_results(folder / RESULTS_FILE, results)
    junit.write_junit(results, folder / "junit.xml")
    point_latest_at(folder.parent)
    file, skips = shown(folder / RESULTS_FILE), one_line(account_for(results, native=False))
    return console.render_console(
        results,
        color=color,
        width=WIDTH,
        results_file=file,
        skips=skips,
        newly=newly,
        known=known,
        go_on=go_on,
    )


def newly_skipped_in(results: CellResults, path: Path) -> tuple[NewSkip, ...]:
    """The modules that are skipped as a whole and ran in the previous run. `path` is the file of these results. The
    previous run, which takes some tenths of a second to read, is read only if a module is skipped as a whole.
    """
    if not nothing_ran(results.modules):
        return ()
    from harness.report.earlier import earlier_results, read_before  # noqa: PLC0415 - workers do without

    before = read_before(earlier_results(path))
    return newly_skipped(results.modules, before.outcomes) if before else ()


def module_failure(compared: Comparison) -> str:
    """The unexpected outcomes of a module, a line per case; empty if there is none."""
    return "\n".join(
        f"{row.verdict}: {row.case}: {row.outcome or 'did not appear'}"
        + (f", expected {row.expectation} ({row.place})" if row.expected else "")
        for row in compared.unexpected
    )
