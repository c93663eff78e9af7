"""What keeping the lists takes, on lists and results that are made up.

Each figure stands next to its limit. Nothing here passes or fails.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

from harness.bench.samples import sample_lists, sample_results
from harness.cli import main as cli
from harness.curation.workspace import load_workspace
from harness.expectations.compare import compare
from harness.expectations.entries import Expectations
from harness.limitations.registry import REGISTRY_FILE, load_registry
from harness.matrix.cells import Cell
from harness.matrix.files import load_matrix
from harness.project import CACHE_VARIABLE, project_root
from harness.results.cell_results import write_results
from harness.targets import Target
from harness.util.process import Command, run

ENTRIES = 5_000
CASES = 30_000
RESULTS = 20
SURPRISE = 200
_USED = "used: "


def measure(folder: Path) -> None:
    """Makes up lists and results in `folder`, and prints what comparing, lint and update take."""
    cells = [cell for cell in load_matrix(project_root() / "matrices").cells if not cell.broken]
    lists = _make_lists(folder)
    expectations = Expectations(load_workspace(str(lists)).lists.entries)
    cell = cells[0]
    results = sample_results(cell, CASES, expectations, started="2026-01-01T00:00:00Z", surprise=SURPRISE)
    start = time.perf_counter()
    compare(results.modules, expectations.for_cell(cell), complete=True)
    print(f"compare:      {time.perf_counter() - start:6.2f} s  (limit 0.5 s; {CASES:,} outcomes, {ENTRIES:,} entries)")
    paths = _make_results(folder / "reports", cells, expectations)
    linting = ("lint", "--lists", str(lists), "--reports", str(folder / "reports"))
    _command("first lint", "none: it indexes the runs", linting, folder)
    _command("lint", "1 s", linting, folder)
    updating = ("update", *paths, "--lists", str(lists), "--reports", str(folder / "none"))
    _command("update", "20 s and 500 MiB", updating, folder)


def _make_lists(folder: Path) -> Path:
    """Lists that name every case that a result has, and the project's own registry."""
    lists = folder / "expected_failures"
    lists.mkdir()
    registry = project_root() / "expected_failures" / REGISTRY_FILE
    (lists / REGISTRY_FILE).write_bytes(registry.read_bytes())
    known = load_registry(registry).limitations.values()
    everywhere = next(limitation.id for limitation in known if set(limitation.targets) >= set(Target))
    for name, text in sample_lists(ENTRIES, limitation=everywhere, cases=CASES).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return lists


def _make_results(folder: Path, cells: list[Cell], expectations: Expectations) -> list[str]:
    """Whole runs, cell after cell until there are enough, each with some surprises."""
    paths = []
    for number in range(RESULTS):
        cell = cells[number % len(cells)]
        found = sample_results(
            cell, CASES, expectations, started=f"2026-01-{number + 1:02}T00:00:00Z", surprise=SURPRISE
        )
        path = folder / f"run-{number:02}" / cell.id / "results.json"
        write_results(path, found)
        paths.append(str(path))
    return paths


def _command(word: str, limit: str, arguments: tuple[str, ...], folder: Path) -> None:
    """A command in a process of its own: from its start to its end, its processor time, the most memory it held."""
    argv = (sys.executable, "-m", "harness.bench.lists", *arguments)
    environment = {**os.environ, CACHE_VARIABLE: str(folder / "cache")}
    done = run(Command(argv=argv, cwd=Path.cwd(), env=environment), log=folder / "out.txt")
    used = (folder / "out.txt").read_text(encoding="utf-8").rpartition(_USED)[2].strip()
    print(f"{word + ':':13} {done.seconds:6.2f} s  (limit {limit}), {used}", flush=True)


def _inner(arguments: list[str]) -> int:
    """The command itself; the last line of its output says what it took."""
    status = cli.main(arguments)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = usage.ru_utime + usage.ru_stime
    print(f"{_USED}processor time {seconds:.2f} s, peak {usage.ru_maxrss // 1024} MiB", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(_inner(sys.argv[1:]))
