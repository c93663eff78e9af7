"""`python -m harness probe CELL...`: from the names of cells to the table of all that lie in one run's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.cache import write_atomically
from harness.errors import UnavailableError
from harness.limitations import load_registry
from harness.matrix import Target
from harness.pins import load_pins
from harness.prepare import Wishes, load_configuration, prepare
from harness.prepared import Prepared
from harness.probes.results import load_probes
from harness.probes.run import probe_cell
from harness.probes.table import markdown, summary, text_table
from harness.run_folder import new_run_folder, project_root
from harness.runtimes import obtain_package

# Emscripten's sockets load it as soon as one is to listen or to connect.
SOCKETS_PACKAGE = "ws"


def probe_cells(cells: Sequence[str], wishes: Wishes, run_dir: str, *, say: Callable[[str], None]) -> str:
    """Runs the probes of each cell; gives the table of these and of all that the run's folder has already."""
    registry = load_registry(project_root() / "expected_failures" / "limitations.toml")
    prepared = [prepare(cell, wishes, say=say) for cell in dict.fromkeys(cells)]
    base = Path(run_dir).absolute() if run_dir else new_run_folder()
    for ready in prepared:
        probe_cell(ready, registry, base / ready.cell.id, packages=packages_for(ready, wishes.pins, say), say=say)
    found = load_probes(base)
    write_atomically(base / "probes.md", markdown(registry, found))
    lines = [text_table(registry, found), "", *map(summary, found), f"results: {base / 'probes.md'}"]
    return "\n".join(lines)


def packages_for(prepared: Prepared, more_pins: str, say: Callable[[str], None]) -> Path | None:
    """The folder with the npm packages of a cell under Node; None for other cells, and, with a message, where npm
    cannot provide them: the probes that need them then end in their preparations.
    """
    if prepared.cell.target is not Target.EMSCRIPTEN:
        return None
    _, pins = load_configuration()
    pins = load_pins(Path(more_pins), pins) if more_pins else pins
    try:
        return obtain_package(SOCKETS_PACKAGE, pins, prepared.cache, say=say)
    except UnavailableError as error:
        say(f"probes: the sockets of {prepared.cell.id} are not tried, {SOCKETS_PACKAGE} is not available: {error}")
        return None
