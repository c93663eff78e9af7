"""Runs on disk and in memory, for the tests of the views."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from harness.report.cell_facts import cell_facts
from harness.report.dataset import Dataset
from harness.report.digest import Before, RunDigest, digest_cell, digest_run
from harness.report.html import page
from harness.results.cell_results import CellResults, write_results
from harness.results.run_folder import FailedCell


def of_cell(found: CellResults, cell_id: str, *, toolchain: str = "") -> CellResults:
    cell = dataclasses.replace(found.cell, id=cell_id, toolchain=toolchain or found.cell.toolchain)
    return msgspec.structs.replace(found, cell=cell)


def digest(
    cells: Mapping[str, CellResults],
    befores: Mapping[str, CellResults] | None = None,
    failed: tuple[FailedCell, ...] = (),
    explain: Callable[[str], str] | None = None,
) -> RunDigest:
    """The digest of a run whose cells have these results, and had those in the run before. `explain` gives the cause
    of a reason for a skip.
    """
    dataset = Dataset(len(cells))
    digests = []
    for label, found in cells.items():
        dataset.add(label, found)
        digests.append(digest_cell(label, found, _before((befores or {}).get(label)), explain))
    return digest_run("tonight", digests, failed, passed=dataset.passed)


def _before(found: CellResults | None) -> Before | None:
    if found is None:
        return None
    cases = {(module.module, case.case) for module in found.modules for case in module.cases}
    outcomes = {module.module: module.outcome for module in found.modules}
    return Before(run="last-night", results=found, had=lambda module, case: (module, case) in cases, outcomes=outcomes)


def html(cells: Mapping[str, CellResults]) -> str:
    """The page of such a run."""
    dataset = Dataset(len(cells))
    for label, found in cells.items():
        dataset.add(label, found)
    facts = {label: cell_facts(label, found, folder=label) for label, found in cells.items()}
    return page(digest(cells), facts, dataset.to_json(), {}, "reports/tonight")


def write_run(folder: Path, cells: Mapping[str, CellResults]) -> Path:
    for label, found in cells.items():
        write_results(folder / label / "results.json", found)
    return folder
