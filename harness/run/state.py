"""The state of a run in progress: each event makes a new state, which can be shown as a row or a line. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.results.verdicts import Verdict
from harness.suite.parts import module_of_work
from harness.util.text import clock, counted, plain

# How many of the running modules a line names, the longest first.
NAMED = 4


@dataclass(frozen=True, kw_only=True)
class BoardRow:
    """What a board shows of one cell, as text. `unexpected` is the last unexpected case, empty when there is none."""

    cell: str
    now: str
    finished: str = ""
    verdicts: str = ""
    left: str = ""
    unexpected: str = ""


def board_lines(rows: Sequence[BoardRow], title: str = "") -> list[tuple[str, str]]:
    """The lines of the board, each with its style: for each cell its numbers, the running modules, and the last
    unexpected case.
    """
    width = max((len(row.cell) for row in rows), default=0) + 2
    lines = [(title, "dim")] if title else []
    for row in rows:
        numbers = ", ".join(filter(None, (row.finished, row.left, row.verdicts)))
        lines.append((f"{row.cell:<{width}}{numbers or row.now}", "bold"))
        if numbers and row.now:
            lines.append((f"{'':<{width}}{row.now}", "dim"))
        if row.unexpected:
            lines.append((f"{'':<{width}}{row.unexpected}", "red"))
    return lines


@dataclass(frozen=True, kw_only=True)
class RunState:
    """The state of a run of `cell`, which is first prepared and then tested; it began at `started`. Times are Unix
    times in seconds.

    `step` is what is done while no module runs. `total` is the number of modules, 0 before it is known; `noun` is what
    they are called. `left` are the unfinished ones with the seconds that each will probably take, 0 if no earlier run
    has recorded that. `running` are those that run now, with the time at which each began.
    """

    cell: str
    started: float
    step: str = "preparing"
    noun: str = "module"
    total: int = 0
    finished: int = 0
    workers: int = 1
    left: Mapping[str, float] = field(default_factory=dict)
    running: Mapping[str, float] = field(default_factory=dict)
    verdicts: Mapping[str, int] = field(default_factory=dict)
    unexpected: str = ""

    def at_step(self, step: str) -> RunState:
        return replace(self, step=step)

    def planned(self, seconds: Mapping[str, float], workers: int) -> RunState:
        """The state with the modules to test, and the seconds that each will take."""
        return replace(
            self,
            total=len(set(map(module_of_work, seconds))),
            left=seconds,
            workers=workers,
            step="starting the workers",
        )

    def begun(self, module: str, now: float) -> RunState:
        return replace(self, running={**self.running, module: now})

    def ended(self, module: str, *, finished: bool = True) -> RunState:
        """The state after a module, or a part of one, has ended. If it is not finished, it was lost with its worker. A
        module is finished with its last part.
        """
        running = {name: since for name, since in self.running.items() if name != module}
        left = {name: seconds for name, seconds in self.left.items() if name != module} if finished else self.left
        is_last = finished and not any(module_of_work(name) == module_of_work(module) for name in left)
        return replace(self, running=running, left=left, finished=self.finished + is_last, step="")

    def judged(self, verdicts: Mapping[str, int], unexpected: str) -> RunState:
        """The state with the verdicts of one more module, and its last unexpected case, if it has one."""
        total = Counter(self.verdicts) + Counter(verdicts)
        return replace(self, verdicts=total, unexpected=unexpected or self.unexpected)

    def seconds_left(self, now: float) -> float:
        """How long the run will still take, by the records of earlier runs; 0 if there are none.

        Two workers have modules of 100 s in all left, and one of these, of 80 s, has run for 10 s. Shared equally the
        rest is 45 s for each worker; but that module alone takes another 70 s, which is the answer.
        """
        ahead = {name: max(0.0, self.left.get(name, 0.0) - (now - since)) for name, since in self.running.items()}
        waiting = math.fsum(seconds for name, seconds in self.left.items() if name not in ahead)
        shared = (waiting + math.fsum(ahead.values())) / self.workers
        return max(shared, *ahead.values(), 0.0)

    def row(self, now: float) -> BoardRow:
        left = self.seconds_left(now)
        return BoardRow(
            cell=self.cell,
            now=self._now(now, len(self.running)) or self.step,
            finished=f"{self.finished:,} of {counted(self.total, self.noun)}" if self.total else "",
            verdicts=", ".join(
                f"{self.verdicts[verdict]:,} {verdict}" for verdict in Verdict if self.verdicts.get(verdict)
            ),
            left=f"about {clock(left)} left" if left else "",
            unexpected=self.unexpected,
        )

    def line(self, now: float) -> str:
        """The state in one line, for a log."""
        row = self.row(now)
        running = self._now(now, NAMED)
        more = f" and {len(self.running) - NAMED} more" if len(self.running) > NAMED else ""
        doing = f"running {running}{more}" if running else self.step
        parts = (clock(now - self.started), row.finished, row.verdicts, row.left, doing)
        return f"{self.cell}: {', '.join(filter(None, parts))}"

    def _now(self, now: float, most: int) -> str:
        """The running modules and for how long they have run, the longest first, at most `most`."""
        longest = sorted(self.running.items(), key=lambda item: item[1])[:most]
        return ", ".join(f"{plain(name)} {clock(now - since)}" for name, since in longest)
