"""Cells that run at the same time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import EXIT_CONFIG, EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_OK, EXIT_UNEXPECTED
from harness.results.cell_results import write_results
from harness.run.capacity import RESERVED_BYTES, USEFUL_WORKERS, WorkerPlan, plan
from harness.run.parallel import ParallelCells, _Task
from harness.targets import Target
from harness.util.process import Command, Completed
from tests.unit import sample_cells
from tests.unit.sample_results import case, module, results

WASI, NODE = Target.WASI, Target.EMSCRIPTEN
PLENTY = 1 << 50


def memory_for(workers: int, target: Target) -> int:
    return RESERVED_BYTES + workers * target.traits.worker_bytes


def test_a_small_machine_runs_one_cell_after_the_other_on_all_its_processors() -> None:
    assert plan([WASI] * 5, processors=2, memory=PLENTY) == WorkerPlan(at_once=1, workers=2, jobs=2)


def test_a_large_one_runs_several_side_by_side() -> None:
    assert plan([WASI] * 5, processors=4 * USEFUL_WORKERS, memory=PLENTY) == WorkerPlan(
        at_once=4, workers=USEFUL_WORKERS, jobs=USEFUL_WORKERS
    )


def test_processors_that_no_cell_needs_are_shared_out() -> None:
    assert plan([WASI], processors=32, memory=PLENTY) == WorkerPlan(at_once=1, workers=32, jobs=32)
    assert plan([WASI, NODE], processors=32, memory=PLENTY) == WorkerPlan(at_once=2, workers=16, jobs=16)


def test_memory_bounds_the_workers_before_the_processors_do() -> None:
    assert plan([NODE], processors=16, memory=memory_for(3, NODE)).workers == 3
    assert plan([NODE] * 4, processors=16, memory=memory_for(16, NODE) - 1).at_once == 1


def test_the_engine_that_needs_most_memory_decides() -> None:
    memory = memory_for(4, NODE)
    assert plan([WASI, NODE], processors=64, memory=memory).workers == 4
    assert plan([WASI, WASI], processors=64, memory=memory).workers > 4


@pytest.mark.parametrize("memory", [0, RESERVED_BYTES, memory_for(1, WASI)])
def test_one_worker_is_the_least(memory: int) -> None:
    assert plan([WASI] * 2, processors=8, memory=memory) == WorkerPlan(at_once=1, workers=1, jobs=8)


def test_what_was_asked_for_is_given_and_decides_how_many_cells_fit() -> None:
    assert plan([WASI] * 3, processors=2, memory=PLENTY, workers=1) == WorkerPlan(at_once=2, workers=1, jobs=1)
    assert plan([WASI] * 3, processors=2, memory=PLENTY, workers=4) == WorkerPlan(at_once=1, workers=4, jobs=2)


class DeafChild:
    """Dies of the signal that asks it to end: it has had no time to listen."""

    def __init__(self, status: int | None = None) -> None:
        self.status = status

    def poll(self) -> Completed | None:
        command = Command(argv=("python",), cwd=Path())
        return (
            None
            if self.status is None
            else Completed(command=command, returncode=self.status, seconds=0.1, timed_out=False)
        )

    def interrupt(self) -> None:
        self.status = -15

    def kill(self) -> None:
        pass


def several(folder: Path, child: Any) -> ParallelCells:
    found = ParallelCells(folder=folder, cells=(sample_cells.WASI,), arguments=lambda _: (), at_once=1, done="")
    log = folder / "wasi" / "output.log"
    found.tasks.append(_Task(cell=sample_cells.WASI, child=child, slot=0, prefix="", log=log))
    return found


def test_a_cell_that_dies_because_it_was_interrupted_is_interrupted(tmp_path: Path) -> None:
    cells = several(tmp_path, DeafChild())
    cells._stop()
    assert cells.rows["wasi"].status == EXIT_INTERRUPTED


def test_a_cell_that_dies_by_itself_is_an_internal_error(tmp_path: Path) -> None:
    cells = several(tmp_path, DeafChild(status=-11))
    cells._look()
    assert cells.rows["wasi"].status == EXIT_INTERNAL


@pytest.mark.parametrize(
    ("status", "worst", "state"),
    [
        (0, EXIT_OK, "as expected"),
        (EXIT_UNEXPECTED, EXIT_UNEXPECTED, "as expected; its process ended with status 1"),
        (EXIT_CONFIG, EXIT_CONFIG, "as expected; its process ended with status 2"),
    ],
)
def test_a_cell_has_at_least_the_status_of_its_process(tmp_path: Path, status: int, worst: int, state: str) -> None:
    write_results(tmp_path / "wasi" / "results.json", results(module("test_os", case("test_os.T.test_a"))))
    cells = several(tmp_path, DeafChild(status=status))
    cells._look()
    row = cells.rows["wasi"]
    assert (row.status, row.state) == (worst, state)
