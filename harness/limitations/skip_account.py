"""From a run's results to the account of its skips, with the registry and the native reference of this project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.limitations.native_results import load_reference
from harness.limitations.registry import load_registry
from harness.limitations.skip_text import render_skips
from harness.limitations.skips import SkipAccount, account_of_skips, explainer_for
from harness.project import project_root
from harness.results.cell_results import CellResults, load_results
from harness.results.run_folder import results_in
from harness.util.cache import cache_root


def account_for(results: CellResults, *, native: bool = True) -> SkipAccount:
    """The account of these results. `native` asks for the native reference too; nothing is said of other platforms
    without it, or where there is none yet.
    """
    registry = load_registry(project_root() / "expected_failures" / "limitations.toml")
    reference = load_reference(results.build, cache_root()) if native and results.build.native else ()
    return account_of_skips(results.modules, explainer_for(results, registry), reference)


def account_pages(paths: Iterable[str], *, every: bool) -> Iterator[str]:
    """The account of each results.json, or of all in the folder of a run or a cell, as text; with `every` reason that
    nothing explains.
    """
    for path in (found for word in paths for found in results_in(Path(word))):
        results = load_results(path)
        yield render_skips(results.cell.id, account_for(results), every=every, probes=results.probes)
