"""What it takes to put shards together, how even they are, and how many workers a suite keeps busy. Nothing here
passes or fails.
"""

from __future__ import annotations

import contextlib
import heapq
import io
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from harness.bench.report import CASES, made_up_cells, made_up_results
from harness.cli import main as cli
from harness.results.cell_results import write_results
from harness.results.run_folder import RESULTS_FILE
from harness.suite.durations import durations_file, read_case_durations, read_durations
from harness.suite.parts import cut_modules, module_of_work, part_named, work_seconds
from harness.suite.shards import cut_suite
from harness.suite.whole_modules import whole_modules
from harness.util.cache import cache_root
from harness.util.text import counted

SHARDS = 8
WORKERS = (2, 4, 8, 16, 32)
# Up to so many workers a suite is to keep all of them busy.
FINE = 16


def measure(cell: str, folder: Path, *, cases: int = CASES) -> None:
    """Merges the shards of a made-up run in `folder`, and cuts the suite of the cell by what this machine recorded."""
    (made,) = made_up_cells(1)
    whole = made_up_results(made, cases)
    sizes = {module.module: float(len(module.cases)) for module in whole.modules}
    runs = []
    for number, names in enumerate(cut_suite(sizes, {}, (), SHARDS).shards, 1):
        modules = tuple(module for module in whole.modules if module.module in names)
        run = msgspec.structs.replace(whole.run, complete=False, shard=f"{number}/{SHARDS}", plan="made up")
        path = folder / f"shard-{number}" / made.id / RESULTS_FILE
        write_results(path, msgspec.structs.replace(whole, modules=modules, run=run))
        runs.append(str(path.parent.parent))
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        cli.main(["merge", *runs, "--run-dir", str(folder / "merged")])
    print(f"merge of {SHARDS} shards: {time.perf_counter() - start:5.2f} s  (limit 3 s; {cases:,} cases)", flush=True)
    record = durations_file(cache_root(), cell)
    seconds, of_cases = read_durations(record), read_case_durations(record)
    if not seconds:
        print(f"longest shard:     unknown: no run of {cell} has been recorded here")
        return
    print("\n".join(balance(seconds, of_cases, SHARDS)))
    print("\n".join(simulate(seconds, of_cases)))


def simulate(seconds: Mapping[str, float], cases: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """The lines on runs of the suite with more and more workers, by its recorded durations: how long each takes, in
    units of what is the least by any cut, the larger of the ideal and the longest single case.
    """
    total, whole = math.fsum(seconds.values()), whole_modules()
    longest, name = max(((took, case) for known in cases.values() for case, took in known.items()), default=(0.0, ""))
    yield f"longest case:      {longest:5.1f} s of {total:.1f} s: {name or 'unknown, no run has recorded the cases'}"
    for workers in WORKERS:
        cut = cut_modules(seconds, cases, workers, whole)
        work = work_seconds(seconds, cases, cut)
        ideal, took = max(total / workers, longest), makespan(work.values(), workers)
        limit = ", limit 1.10" if workers <= FINE else ""
        parts = f"{counted(len(cut), 'module')} in {sum(len(others) + 1 for others in cut.values())} parts"
        yield f"{workers:3} workers:     {took:7.1f} s, {took / ideal:4.2f} of the least{limit}; {parts}"
        if workers == FINE:
            several = ((took, name) for name, took in work.items() if not _is_one_case(name, cut, cases))
            piece, of = max(several, default=(0.0, "none"))
            share = piece * workers / total
            yield f"                   {share:4.2f} of a share is its longest piece of several cases, limit 1.00: {of}"


def _is_one_case(
    name: str, cut: Mapping[str, Sequence[Sequence[str]]], cases: Mapping[str, Mapping[str, float]]
) -> bool:
    """Whether that module, or that part of one, has a single case."""
    part, known = part_named(name, cut), cases.get(module_of_work(name), {})
    return len(known) == 1 if part is None else len(part.cases or known.keys() - set(part.elsewhere)) == 1


def makespan(work: Iterable[float], workers: int) -> float:
    """How long the work takes when each worker, as soon as it has nothing to do, takes the next piece."""
    busy_until = [0.0] * workers
    for seconds in work:
        heapq.heapreplace(busy_until, busy_until[0] + seconds)
    return max(busy_until)


def balance(seconds: Mapping[str, float], cases: Mapping[str, Mapping[str, float]], count: int) -> Iterator[str]:
    """The lines on that many shards of the suite, by its recorded durations: how long each has to work, and how long it
    takes with 2 workers and with 4, in units of what is the least by any cut.
    """
    whole = whole_modules()
    cut = cut_suite(seconds, cases, whole, count)
    work = work_seconds(seconds, cases, cut.parts)
    loads = [[work[name] for name in shard] for shard in cut.shards]
    longest, mean = max(map(math.fsum, loads)), math.fsum(seconds.values()) / count
    parts = f"{counted(len(cut.parts), 'module')} in {sum(len(others) + 1 for others in cut.parts.values())} parts"
    yield f"{count} shards:          the longest is {longest / mean:4.2f} of the mean, limit 1.15; {parts}"
    case = max((took for known in cases.values() for took in known.values()), default=0.0)
    for workers in (2, 4):
        least, took = max(mean / workers, case), max(makespan(load, workers) for load in loads)
        yield f"  of {workers} workers:   {took:7.1f} s, {took / least:4.2f} of the least"
