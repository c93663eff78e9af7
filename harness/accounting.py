"""From a run's results to the account of its skips, with the registry and the native reference of this project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.cache import cache_root
from harness.conditions import facts_of, libraries_of
from harness.limitations import Registry, load_registry
from harness.reference import load_reference
from harness.report.results import CellResults, load_results
from harness.report.skips import render
from harness.run_folder import project_root
from harness.skips import Account, Explainer, account


def account_for(results: CellResults, *, native: bool = True) -> Account:
    """The account of these results. `native` asks for the native reference too; nothing is said of other platforms
    without it, or where there is none yet.
    """
    registry = load_registry(project_root() / "expected_failures" / "limitations.toml")
    reference = load_reference(results.build, cache_root()) if native and "native" in results.build else ()
    return account(results.modules, explainer_for(results, registry), reference)


def explainer_for(results: CellResults, registry: Registry) -> Explainer:
    """What explains the skips of these results: the limitations that hold for their cell."""
    toolchain = results.build.get("toolchain")
    version = str(toolchain.get("version", "")) if isinstance(toolchain, dict) else ""
    libraries = libraries_of(results.build)
    facts = facts_of(results.cell, python=str(results.build.get("python", "")), toolchain=version, libraries=libraries)
    return Explainer(registry, facts)


def account_pages(paths: Iterable[str], *, every: bool) -> Iterator[str]:
    """The account of each results.json as text; with `every` reason that nothing explains."""
    for path in paths:
        results = load_results(Path(path))
        yield render(results.cell.id, account_for(results), every=every, probes=results.probes)
