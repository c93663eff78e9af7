"""A year of nights in the history, made up: how large the file is, what a run costs, what a question costs.

Each night of a cell is like the one before, but for some cases that change and stay so, for the flaky ones, and now and
then a new CPython that brings cases and takes some away. The seed is fixed. Nothing here passes or fails.
"""

from __future__ import annotations

import contextlib
import io
import random
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.bench.report import made_up_cells, made_up_results
from harness.cli import main as cli
from harness.history.database import opened
from harness.history.record import Case, RecordedRun, State, record_of
from harness.history.store import Store
from harness.matrix.cells import Cell
from harness.results.outcomes import Outcome

NIGHTS, CELLS, CASES = 365, 12, 30_000
CHANGED_A_NIGHT = 10
FLAKY = 30
NIGHTS_A_RELEASE = 60
CHANGED_BY_A_RELEASE = 300
_STATES = (State(Outcome.PASS), State(Outcome.SKIP), State(Outcome.FAIL, "AssertionError"), State(Outcome.CRASH))
_FLAKY_STATES = (State(Outcome.PASS), State(Outcome.ERROR, "TimeoutError"))


@dataclass(kw_only=True)
class _Nights:
    """The nights of one cell, one after the other; each is as the last one but for what happened since."""

    cell: Cell
    first: RecordedRun
    chance: random.Random

    @classmethod
    def of(cls, cell: Cell, cases: int) -> _Nights:
        first = record_of(made_up_results(cell, cases), source="reports/made-up")
        return cls(cell=cell, first=first, chance=random.Random(cell.id))

    def __iter__(self) -> Iterator[RecordedRun]:
        states = dict(self.first.states)
        flaky = self.chance.sample(list(states), FLAKY)
        night = 0
        while True:
            if night and night % NIGHTS_A_RELEASE == 0:
                gone = self.chance.sample(list(states), CHANGED_BY_A_RELEASE)
                for number, old in enumerate(gone):
                    del states[old]
                    states[Case(old.module, f"{old.module}.New{night}Tests.test_{number}")] = _STATES[0]
            for case in self.chance.sample(list(states), self.chance.randint(0, 2 * CHANGED_A_NIGHT)):
                states[case] = self.chance.choice(_STATES)
            seen = states | {case: self.chance.choice(_FLAKY_STATES) for case in flaky}
            started = datetime(2026, 1, 1, 3, tzinfo=UTC) + timedelta(days=night)
            yield replace(
                self.first,
                started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
                source=f"reports/{started:%Y-%m-%dT%H-%M-%S}",
                digest=f"{self.cell.id} {night}",
                states=seen,
                seconds={name: value * self.chance.uniform(0.9, 1.1) for name, value in self.first.seconds.items()},
                slow={case: self.chance.uniform(0.2, 3) for case in list(seen)[:250]},
            )
            night += 1


def record_year(file: Path, *, nights: int = NIGHTS, cells: int = CELLS, cases: int = CASES) -> list[float]:
    """Records the nights in the file; the seconds that a run took in each of them."""
    print(f"recording {nights:,} nights of {cells} cells with {cases:,} cases", flush=True)
    seconds = []
    # Every cell, night by night.
    runs = [_Nights.of(cell, cases) for cell in made_up_cells(cells)]
    for _, *seen in zip(range(nights), *runs, strict=False):
        start = time.perf_counter()
        with opened(file, write=True) as connection:
            store = Store(connection)
            for run in seen:
                store.record(run)
        seconds.append((time.perf_counter() - start) / len(seen))
    return seconds


def measure(folder: Path, *, nights: int = NIGHTS, cells: int = CELLS, cases: int = CASES) -> None:
    """Records the nights in a file in `folder`, and prints what that takes and what asking takes."""
    file = folder / "history.sqlite"
    seconds = record_year(file, nights=nights, cells=cells, cases=cases)
    print(f"file:          {file.stat().st_size / 1e6:7.1f} MB (limit 1,000 MB)")
    usual, last = statistics.median(seconds), seconds[-1]
    print(f"record a run:  {usual:7.2f} s  (aim 0.5 s; {last:.2f} s in the last night)", flush=True)
    with opened(file, write=False) as connection:
        names = [case for _, case in Store(connection).cases("1", "")]
    largest = statistics.mode(case.module for case in names)
    for what, question in (
        ("a case:", (names[0].name,)),
        ("on one cell:", (names[-1].name, "--cell", next(made_up_cells(1)).id)),
        ("a module:", (largest, "--all")),
    ):
        start, used = time.perf_counter(), time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            status = cli.main(["history", *question, "--history", str(file)])
        if status:
            sys.exit(f"the history has no answer to {question}")
        took = f"{time.perf_counter() - start:7.2f} s ({time.process_time() - used:.2f} s of a processor)"
        print(f"{what:14} {took}  (limit 1 s)", flush=True)
