"""Several cells in one run: a process for each, side by side as far as memory and processors allow.

They share sources, toolchains, the build Python and runtimes through the cache and its locks.
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
from harness.matrix.cells import Cell
from harness.report.table import CellNumbers, CellRow, failed_row, left_out_row, read_row, render_cells
from harness.results.run_folder import WORST_FIRST, worst_status
from harness.run.capacity import usable_processors
from harness.run.live import ROW_VARIABLE, Means, board, means, read_board_row
from harness.run.state import BoardRow
from harness.util.process import POLL_SECONDS, Background, Command
from harness.util.text import counted

LOG_FILE = "output.log"
# Exists while a cell's process runs and there is a board.
BOARD_FILE = "board.json"
_STOP_SECONDS = 20.0


@dataclass
class _Task:
    """The process of one cell, and how much of its output has been shown."""

    cell: Cell
    child: Background
    slot: int
    prefix: str
    log: Path
    shown: int = 0
    rest: str = ""

    def show(self, *, last: bool = False) -> None:
        """Prints the new output; if several cells run at once, whole lines with the name of the cell in front."""
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
class ParallelCells:
    """Runs one command of `python -m harness` for each cell. `arguments` returns the command of a cell.

    `done` is the state of a cell whose command succeeded and left no results, such as a build.
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
        """Runs all cells and prints the table. Returns the worst exit status. Ctrl-C ends all and keeps results."""
        waiting = deque(self.cells)
        with board(self._board_rows, self._title) if means() is Means.BOARD else contextlib.nullcontext():
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
        # Engines of wasmtime bind themselves to processors by their number: two cells would choose the same ones.
        processors = frozenset(usable_processors()[slot :: self.at_once]) if self.at_once > 1 else frozenset()
        row = {ROW_VARIABLE: str(log.with_name(BOARD_FILE))} if means() is Means.BOARD else {}
        child = Background(Command(argv=argv, cwd=Path.cwd(), env=os.environ | row), log=log, processors=processors)
        self.tasks.append(_Task(cell=cell, child=child, slot=slot, prefix=prefix, log=log))

    def _board_rows(self) -> list[BoardRow]:
        """The newest rows that the processes of the running cells have written."""
        files = [(task.cell.id, task.log.with_name(BOARD_FILE)) for task in self.tasks]
        return [read_board_row(file) or BoardRow(cell=cell, now="starting") for cell, file in files]

    def _title(self) -> str:
        return f"{len(self.rows)} of {counted(len(self.cells), 'cell')} done"

    def _look(self) -> None:
        for task in list(self.tasks):
            completed = task.child.poll()
            task.show(last=completed is not None)
            if completed is not None:
                self.tasks.remove(task)
                task.log.with_name(BOARD_FILE).unlink(missing_ok=True)
                self.rows[task.cell.id] = self._row(task, completed.returncode, round(completed.seconds))

    def _row(self, task: _Task, status: int, seconds: int) -> CellRow:
        found = read_row(task.log.parent)
        if found and status in WORST_FIRST:  # a killed process may have left the results of an earlier run
            worst = worst_status([found.status, status])
            note = "" if worst == found.status else f"; its process ended with status {status}"
            return replace(found, status=worst, state=f"{found.state}{note}")
        if status == EXIT_OK:
            return CellRow(cell=task.cell.id, state=self.done, numbers=CellNumbers(seconds=seconds))
        if self.stopping and status < 0:
            # The signal killed it before it had a handler.
            return failed_row(task.cell.id, EXIT_INTERRUPTED, "", seconds)
        return failed_row(task.cell.id, status, f"its output is in {task.log}", seconds)

    def _stop(self) -> None:
        """Interrupts every cell; one that does not end is killed. A second Ctrl-C kills at once."""
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
