"""How much memory a run and all its children take."""

from __future__ import annotations

import os
from pathlib import Path

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


def tree_memory(pid: int) -> int:
    """Bytes of proportional set size of all descendants of a process; 0 where /proc does not tell."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib asks of each whether it exists, and raises where it just ended
        if not name.isdigit():
            continue
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(name))
    waiting, total = list(parents.get(pid, [])), 0
    while waiting:
        child = waiting.pop()
        waiting.extend(parents.get(child, []))
        try:
            lines = Path(f"/proc/{child}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total
