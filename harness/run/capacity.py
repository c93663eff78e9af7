"""How many cells and workers a machine can run at once. Pure, except for the last three functions."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.targets import Target

# With more workers than this a suite takes as long as its longest module.
USEFUL_WORKERS = 8
# Memory for the system and its file cache.
RESERVED_BYTES = 1 << 30


@dataclass(frozen=True, kw_only=True)
class WorkerPlan:
    """How many cells at once, and how many workers and jobs of make each of them has."""

    at_once: int
    workers: int
    jobs: int


def plan(targets: Sequence[Target], *, processors: int, memory: int, workers: int = 0) -> WorkerPlan:
    """The plan for cells of these targets. `memory` is the available memory in bytes, `workers` the number of workers
    that the user wants for each cell, 0 for as many as possible. Cells run side by side only if one of them cannot use
    all processors.
    """
    each = max(target.traits.worker_bytes for target in targets or Target)
    possible = max(1, min(processors, (memory - RESERVED_BYTES) // each))
    wanted = workers or min(possible, USEFUL_WORKERS)
    at_once = max(1, min(len(targets), possible // wanted))
    return WorkerPlan(
        at_once=at_once, workers=workers or max(wanted, possible // at_once), jobs=max(1, processors // at_once)
    )


def plan_here(targets: Sequence[Target], *, workers: int = 0) -> WorkerPlan:
    """The plan for this machine as it is now."""
    return plan(targets, processors=len(usable_processors()), memory=available_memory(), workers=workers)


def available_memory() -> int:
    """The memory that programs can get without swapping, in bytes; all memory of the machine if that is not known."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def usable_processors() -> tuple[int, ...]:
    """The numbers of the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))
