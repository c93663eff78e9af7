"""Writes all views of a run from its results.json files, which are read one at a time."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import ConfigError
from harness.limitations.findings import read_probes
from harness.limitations.registry import Registry, load_registry
from harness.limitations.skips import explainer_for
from harness.report.badge import badge
from harness.report.cell_facts import CellFacts, cell_facts
from harness.report.dataset import Dataset
from harness.report.digest import Before, CellDigest, RunDigest, digest_cell, digest_run
from harness.report.earlier import read_before
from harness.report.github import github_annotations
from harness.report.html import causes_json, page
from harness.report.junit import merge_junit
from harness.report.markdown import render_markdown
from harness.results.cell_results import CellResults, load_results
from harness.results.run_folder import PYTHON_INFO_FILE, VIEW_FILES, FailedCell, RunFiles, worst_status
from harness.util.files import disk_errors_as_unavailable, write_atomically

PAGE, SUMMARY, BADGE, ANNOTATIONS, JUNIT = VIEW_FILES


def write_views(files: RunFiles, *, registry: Path | None = None, junit: bool = True, shown: str = "") -> RunDigest:
    """Writes every view into the run folder, and returns the digest of the run. `registry` is the file of the
    limitations, `shown` the run folder as a user would type it.

    A cell with unreadable results counts as one without results; ConfigError when it is the only cell. UnavailableError
    when writing fails.
    """
    known = None
    # The views are useful without the registry too; `lint` reports its mistakes.
    with suppress(ConfigError):
        known = load_registry(registry) if registry and registry.is_file() else None
    read = _read(files, known)
    run = digest_run(files.name, read.cells, read.failed, passed=read.dataset.passed)
    shown = shown or str(files.folder)
    new = [[(hit.row.module, hit.row.case) for hit in cell.hits if hit.is_new] for cell in read.cells]
    since = {(case.worst.row.module, case.case): str(case.since) for case in run.wrong if case.since}
    causes = causes_json(known or Registry(limitations={}), read.probes)
    with disk_errors_as_unavailable(files.folder):
        files.folder.mkdir(parents=True, exist_ok=True)
    write_atomically(files.folder / PAGE, page(run, read.facts, read.dataset.to_json(new, since), causes, shown))
    write_atomically(files.folder / SUMMARY, render_markdown(run, shown))
    write_atomically(files.folder / ANNOTATIONS, github_annotations(run))
    write_atomically(files.folder / BADGE, json.dumps(badge(run)) + "\n")
    if junit:
        merge_junit(read.paths, files.folder / JUNIT)
    return run


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What the views need of all cells, collected while the results are read one after the other."""

    dataset: Dataset
    failed: list[FailedCell]
    cells: list[CellDigest] = field(default_factory=list)
    facts: dict[str, CellFacts] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    probes: list[dict[str, tuple[str, str]]] = field(default_factory=list)


def _read(files: RunFiles, known: Registry | None) -> _Read:
    read = _Read(dataset=Dataset(len(files.results)), failed=list(files.failed))
    for label, path in files.results.items():
        try:
            results = load_results(path)
        except ConfigError as error:
            if len(files.results) == 1 and not files.failed:
                raise
            read.failed.append(FailedCell(label=label, status=error.exit_code, why=str(error)))
            continue
        explain = explainer_for(results, known).cause_id if known else None
        read.cells.append(digest_cell(label, results, _before(files, label, results), explain))
        read.dataset.add(label, results, explain)
        folder, home = path.absolute().parent, files.folder.absolute()
        # Relative to the page, if the results are below its folder.
        place = folder.relative_to(home).as_posix() if folder.is_relative_to(home) else ""
        read.facts[label] = cell_facts(label, results, folder=place, python_info=(folder / PYTHON_INFO_FILE).is_file())
        read.paths[label] = path
        read.probes.append(read_probes(path.parent, results.probes))
    return read


def exit_status(run: RunDigest) -> int:
    """The exit status of the worst cell of the run."""
    return worst_status([*(failed.status for failed in run.failed), *(cell.status for cell in run.cells)])


def _before(files: RunFiles, label: str, now: CellResults) -> Before | None:
    """The newest earlier results of the cell that are complete. If the user names a run, its results need not be
    complete. A run of the user's own tests is compared only with a run that the user names.
    """
    if now.run.options.tests and not files.since:
        return None
    return read_before(files.befores[label], whatever=files.since)
