"""What it takes to put shards together, and how even they are. Nothing here passes or fails."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from harness.bench.report import CASES, made_up_cells, made_up_results
from harness.cli import main as cli
from harness.results.cell_results import write_results
from harness.results.run_folder import RESULTS_FILE
from harness.suite.durations import read_durations
from harness.suite.shards import cut
from harness.util.cache import cache_root

SHARDS = 8


def measure(cell: str, folder: Path, *, cases: int = CASES) -> None:
    """Merges the shards of a made-up run in `folder`, and cuts the suite of the cell by what this machine recorded."""
    (made,) = made_up_cells(1)
    whole = made_up_results(made, cases)
    sizes = {module.module: float(len(module.cases)) for module in whole.modules}
    runs = []
    for number, names in enumerate(cut(sizes, sizes, {}, SHARDS), 1):
        modules = tuple(module for module in whole.modules if module.module in names)
        run = msgspec.structs.replace(whole.run, complete=False, shard=f"{number}/{SHARDS}", plan="made up")
        path = folder / f"shard-{number}" / made.id / RESULTS_FILE
        write_results(path, msgspec.structs.replace(whole, modules=modules, run=run))
        runs.append(str(path.parent.parent))
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        cli.main(["merge", *runs, "--run-dir", str(folder / "merged")])
    print(f"merge of {SHARDS} shards: {time.perf_counter() - start:5.2f} s  (limit 3 s; {cases:,} cases)", flush=True)
    seconds = read_durations(cache_root() / "durations" / f"{cell}.json")
    if not seconds:
        print(f"longest shard:     unknown: no run of {cell} has been recorded here")
        return
    ratio, longest = balance(seconds, SHARDS), max(seconds, key=lambda module: seconds[module])
    print(f"longest shard:     {ratio:5.2f} of the mean  (limit 1.15; {len(seconds)} modules of {cell})")
    alone = seconds[longest] * SHARDS / sum(seconds.values())
    print(f"longest module:    {alone:5.2f} of that mean: {longest}; no cut can do better")


def balance(seconds: Mapping[str, float], count: int) -> float:
    """How long the longest of that many shards is, in units of their mean."""
    loads = [sum(seconds[module] for module in shard) for shard in cut(seconds, seconds, {}, count)]
    return max(loads) * count / sum(loads)
