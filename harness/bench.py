"""`nox -s bench`: the harness against CPython's own runner, on the same build, in one invocation.

Every figure is a ratio or stands beside its peer; nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from harness.cache import remove_tree
from harness.errors import HarnessError
from harness.oracle import differences, prepare_for_regrtest, read_junit, render, run_regrtest
from harness.outcomes import Outcome
from harness.prepare import Prepared
from harness.process import Command, run
from harness.report.results import CellResults, load_results

SAMPLE_SECONDS = 0.5


class PeakMemory:
    """Samples the proportional set sizes of all our descendants while something runs."""

    def __init__(self) -> None:
        self.peak = 0
        self._last = -SAMPLE_SECONDS

    def __call__(self, elapsed: float) -> None:
        if elapsed - self._last >= SAMPLE_SECONDS:
            self._last = elapsed
            self.peak = max(self.peak, tree_memory(os.getpid()))


def main() -> int:
    """Measures and prints. Modules that are named limit the suite, for a quick look."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("cell", nargs="?", default="wasi")
    parser.add_argument("module", nargs="*", help="only these modules")
    parser.add_argument("-n", "--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    prepared = prepare_for_regrtest(options.cell)
    folder = prepared.cache / "bench"
    remove_tree(folder)
    folder.mkdir(parents=True)
    print(f"to the first test, nothing changed: {first_test(options.cell, folder):.2f} s", flush=True)
    seconds, results = _ours(options.cell, options.workers, options.module, folder)
    peer, theirs = _theirs(prepared, options.workers, options.module, folder)
    print(f"ratio:    {seconds / peer:7.2f}")
    print(render(options.cell, theirs, differences(theirs, results.modules)))
    return 0


def first_test(cell: str, folder: Path) -> float:
    """Seconds from the command to the first line of the first journal."""
    journal = folder / "first" / cell / "journal" / "test_bool" / "journal" / "1.jsonl"
    argv = ("test", cell, "-n", "1", "-k", "test_bool", "--run-dir", str(folder / "first"))
    start, seen = time.monotonic(), 0.0

    def look(_: float) -> None:
        nonlocal seen
        if not seen and journal.exists():
            seen = time.monotonic() - start

    done = run(_harness(*argv), log=folder / "first.log", on_tick=look)
    if not seen:
        sys.exit(f"the harness {done.ending}; its words are in {folder / 'first.log'}")
    return seen


def _ours(cell: str, workers: int, modules: list[str], folder: Path) -> tuple[float, CellResults]:
    select = ["-k", " or ".join(modules)] if modules else []
    memory = PeakMemory()
    argv = ("test", cell, "-n", str(workers), "--run-dir", str(folder / "ours"), *select)
    done = run(_harness(*argv), log=folder / "ours.log", on_tick=memory)
    results = load_results(folder / "ours" / cell / "results.json")
    _say("harness:", done.seconds, sum(results.counts().values()), memory.peak)
    return done.seconds, results


def _theirs(prepared: Prepared, workers: int, modules: list[str], folder: Path) -> tuple[float, dict[str, Outcome]]:
    memory = PeakMemory()
    done = run_regrtest(prepared, modules, folder, workers=workers, on_tick=memory)
    theirs = read_junit(folder / "regrtest.xml")
    _say("regrtest:", done.seconds, len(theirs), memory.peak)
    return done.seconds, theirs


def _harness(*arguments: str) -> Command:
    return Command(argv=(sys.executable, "-m", "harness", *arguments), cwd=Path.cwd())


def _say(who: str, seconds: float, cases: int, memory: int) -> None:
    print(f"{who:9} {seconds:7.1f} s  {cases:6} cases  peak {memory / 2**20:5.0f} MiB", flush=True)


def tree_memory(pid: int) -> int:
    """Bytes of proportional set size of all descendants of a process; 0 where /proc does not tell."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    waiting, total = list(parents.get(pid, [])), 0
    while waiting:
        child = waiting.pop()
        waiting.extend(parents.get(child, []))
        total += _proportional_size(child)
    return total


def _proportional_size(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
