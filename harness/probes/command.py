"""`python -m harness probe CELL...`: from the names of cells to the table of all that lie in one run's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.cache import write_atomically
from harness.limitations import load_registry
from harness.prepare import Wishes, prepare
from harness.probes.results import load_probes
from harness.probes.run import probe_cell
from harness.probes.table import markdown, summary, text_table
from harness.run_folder import new_run_folder, project_root


def probe_cells(cells: Sequence[str], wishes: Wishes, run_dir: str, *, say: Callable[[str], None]) -> str:
    """Runs the probes of each cell; gives the table of these and of all that the run's folder has already."""
    registry = load_registry(project_root() / "expected_failures" / "limitations.toml")
    prepared = [prepare(cell, wishes, say=say) for cell in dict.fromkeys(cells)]
    base = Path(run_dir).absolute() if run_dir else new_run_folder()
    for ready in prepared:
        probe_cell(ready, registry, base / ready.cell.id, say=say)
    found = load_probes(base)
    write_atomically(base / "probes.md", markdown(registry, found))
    lines = [text_table(registry, found), "", *map(summary, found), f"results: {base / 'probes.md'}"]
    return "\n".join(lines)
