"""Several cells in one run: a process for each, side by side as far as memory and processors allow.

What the cells share, they share through the cache and its locks: sources, toolchains, the build Python, runtimes.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import EXIT_INTERRUPTED, EXIT_OK
from harness.matrix import Cell, Engine
from harness.process import POLL_SECONDS, Background, Command
from harness.report.cells import WORST_FIRST, CellRow, failed_row, left_out_row, read_row, render_cells, worst_status

LOG_FILE = "output.log"
# Above this many workers the longest module of the suite, not the number of workers, decides how long it takes.
USEFUL_WORKERS = 8
# Bytes for a worker with its engine and a share of what its run has but once, in proportional set sizes, looked at once
# in a second. The peaks of whole suites: wasmtime 614 MiB with one worker, 876 with two, 1,081 with four; Node 730 MiB
# with one, 1,252 with two and threads, 1,125 with four. Node has some room beside that: a module may take 1.9 GiB for a
# moment.
WORKER_BYTES = {Engine.WASMTIME: 450 << 20, Engine.NODE: 700 << 20}
# What is left to the system and to its cache of files.
RESERVED_BYTES = 1 << 30
_STOP_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many cells at once, and how many workers and jobs of make each of them has."""

    at_once: int
    workers: int
    jobs: int


def plan(engines: Sequence[Engine], *, processors: int, memory: int, workers: int = 0) -> Plan:
    """What this machine can do at once. `memory` is the bytes that are available, `workers` what was asked for.

    Cells are placed side by side only when one of them cannot use all processors.
    """
    each = max((WORKER_BYTES[engine] for engine in engines), default=WORKER_BYTES[Engine.NODE])
    possible = max(1, min(processors, (memory - RESERVED_BYTES) // each))
    wanted = workers or min(possible, USEFUL_WORKERS)
    at_once = max(1, min(len(engines), possible // wanted))
    return Plan(
        at_once=at_once, workers=workers or max(wanted, possible // at_once), jobs=max(1, processors // at_once)
    )


def plan_here(engines: Sequence[Engine], *, workers: int = 0) -> Plan:
    """The plan for this machine as it is now."""
    return plan(engines, processors=len(usable_processors()), memory=available_memory(), workers=workers)


def available_memory() -> int:
    """Bytes that programs can have without swapping; all of the machine's where Linux does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def usable_processors() -> tuple[int, ...]:
    """The numbers of those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


@dataclass
class _Task:
    """One cell's process, and how much of what it prints has been shown."""

    cell: Cell
    child: Background
    slot: int
    prefix: str
    log: Path
    shown: int = 0
    rest: str = ""

    def show(self, *, last: bool = False) -> None:
        """Prints what is new, whole lines with the cell's name before them where several run at once."""
        with contextlib.suppress(OSError), self.log.open("rb") as stream:
            stream.seek(self.shown)
            new = stream.read()
            self.shown += len(new)
            if not self.prefix:
                print(new.decode("utf-8", "replace"), end="", flush=True)
                return
            *lines, self.rest = (self.rest + new.decode("utf-8", "replace")).split("\n")
            for line in [*lines, *([self.rest] if last and self.rest else [])]:
                print(f"{self.prefix}{line}", flush=True)


@dataclass(kw_only=True)
class SeveralCells:
    """Runs one command of `python -m harness` for each cell. `arguments` gives the command of a cell.

    `done` is the state of a cell whose command succeeded and left no results: a build.
    """

    folder: Path
    cells: Sequence[Cell]
    left_out: Sequence[Cell] = ()
    arguments: Callable[[Cell], Sequence[str]]
    at_once: int
    done: str
    rows: dict[str, CellRow] = field(default_factory=dict)
    tasks: list[_Task] = field(default_factory=list)
    stopping: bool = False

    def run(self) -> int:
        """Runs all cells and prints the table. Gives the worst exit status; Ctrl-C ends all and keeps results."""
        waiting = deque(self.cells)
        try:
            while waiting or self.tasks:
                while waiting and len(self.tasks) < self.at_once:
                    self._start(waiting.popleft())
                self._look()
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            self._stop()
        interrupted = [failed_row(cell.id, EXIT_INTERRUPTED) for cell in self.cells if cell.id not in self.rows]
        rows = [self.rows[cell.id] for cell in self.cells if cell.id in self.rows]
        rows += [*interrupted, *(left_out_row(cell.id, cell.broken) for cell in self.left_out)]
        print(f"\n{render_cells(rows)}", end="", flush=True)
        return worst_status(row.status for row in rows)

    def _start(self, cell: Cell) -> None:
        log = self.folder / cell.id / LOG_FILE
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        prefix = f"{cell.id} | " if self.at_once > 1 else ""
        print(f"\n== {cell.id} ({len(self.rows) + len(self.tasks) + 1} of {len(self.cells)})", flush=True)
        argv = (sys.executable, "-u", "-m", "harness", *self.arguments(cell))
        slot = min(set(range(self.at_once)) - {task.slot for task in self.tasks})
        # wasmtime's engines choose among the processors that they find: without this, two cells would choose the same.
        processors = frozenset(usable_processors()[slot :: self.at_once]) if self.at_once > 1 else frozenset()
        child = Background(Command(argv=argv, cwd=Path.cwd()), log=log, processors=processors)
        self.tasks.append(_Task(cell=cell, child=child, slot=slot, prefix=prefix, log=log))

    def _look(self) -> None:
        for task in list(self.tasks):
            completed = task.child.poll()
            task.show(last=completed is not None)
            if completed is not None:
                self.tasks.remove(task)
                self.rows[task.cell.id] = self._row(task, completed.returncode, round(completed.seconds))

    def _row(self, task: _Task, status: int, seconds: int) -> CellRow:
        found = read_row(task.log.parent)
        if found and status in WORST_FIRST:  # and not killed, which may have left those of an earlier run
            worst = worst_status([found.status, status])
            told = "" if worst == found.status else f"; its process ended with status {status}"
            return replace(found, status=worst, state=f"{found.state}{told}")
        if status == EXIT_OK:
            return CellRow(cell=task.cell.id, state=self.done, numbers=(None,) * 5 + (seconds,))
        if self.stopping and status < 0:
            # It was told to end before it could listen.
            return failed_row(task.cell.id, EXIT_INTERRUPTED, "", seconds)
        return failed_row(task.cell.id, status, f"its output is in {task.log}", seconds)

    def _stop(self) -> None:
        """Every cell is told to end; one that does not is killed. A second Ctrl-C kills at once."""
        print("\ninterrupted; waiting for the cells to write what they have", flush=True)
        self.stopping = True
        deadline = time.monotonic() + _STOP_SECONDS
        try:
            for task in self.tasks:
                task.child.interrupt()
            while self.tasks and time.monotonic() < deadline:
                self._look()
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            pass
        finally:
            for task in self.tasks:
                task.child.kill()
