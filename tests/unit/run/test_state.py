"""What a board and a line say of a run that goes on."""

from __future__ import annotations

import pytest

from harness.run.state import BoardRow, RunState, board_lines

SECONDS = {"test_io": 80.0, "test_re": 15.0, "test_os": 5.0}
NEW = RunState(cell="wasi", started=1000.0)
PLANNED = NEW.planned(SECONDS, workers=2)
RUNNING = PLANNED.begun("test_io", 1000.0).begun("test_re", 1004.0)


def test_a_cell_that_is_prepared_shows_its_step() -> None:
    state = NEW.at_step("build wasi [2/5] make  0:12  Objects/dictobject.c")
    assert state.row(1012.0) == BoardRow(cell="wasi", now="build wasi [2/5] make  0:12  Objects/dictobject.c")
    assert state.line(1060.0) == "wasi: 1:00, build wasi [2/5] make  0:12  Objects/dictobject.c"


def test_before_the_first_module_the_workers_start() -> None:
    row = PLANNED.row(1000.0)
    assert (row.finished, row.now, row.verdicts) == ("0 of 3 modules", "starting the workers", "")


def test_what_runs_is_named_with_its_time_the_longest_first() -> None:
    assert RUNNING.row(1010.0).now == "test_io 0:10, test_re 0:06"


def test_a_line_names_the_four_that_run_longest() -> None:
    state = PLANNED
    for number in range(6):
        state = state.begun(f"test_{number}", 1000.0 + number)
    assert state.line(1010.0).endswith("running test_0 0:10, test_1 0:09, test_2 0:08, test_3 0:07 and 2 more")


def test_a_module_that_ends_leaves_its_verdicts() -> None:
    state = RUNNING.judged({"as-expected": 1200, "known": 2}, "").ended("test_re")
    state = state.begun("test_os", 1011.0).judged(
        {"as-expected": 3, "regression": 1}, "regression test.test_os.A.b: fail"
    )
    assert state.ended("test_os").row(1012.0) == BoardRow(
        cell="wasi",
        now="test_io 0:12",
        finished="2 of 3 modules",
        verdicts="1,203 as-expected, 2 known, 1 regression",
        left="about 1:08 left",
        unexpected="regression test.test_os.A.b: fail",
    )


def test_the_last_unexpected_case_stays() -> None:
    state = NEW.judged({"regression": 1}, "regression a: fail").judged({"as-expected": 1}, "")
    assert state.unexpected == "regression a: fail"


def test_a_module_is_finished_with_its_last_part() -> None:
    state = NEW.planned({"test_io[1/2]": 3.0, "test_os": 2.0, "test_io[2/2]": 1.0}, workers=2)
    assert state.total == 2
    assert state.ended("test_io[1/2]").finished == 0
    assert state.ended("test_io[1/2]").ended("test_os").ended("test_io[2/2]").finished == 2


def test_a_module_that_is_lost_with_its_worker_is_not_finished() -> None:
    state = RUNNING.ended("test_io", finished=False)
    assert (state.finished, set(state.left)) == (0, set(SECONDS))
    assert state.row(1010.0).now == "test_re 0:06"


@pytest.mark.parametrize(
    ("state", "now", "left"),
    [
        (PLANNED, 1000.0, 50.0),  # 100 s for two workers
        (RUNNING, 1010.0, 70.0),  # the longest is left alone in the end
        (RUNNING, 1200.0, 2.5),  # what has taken longer than ever may end at once
        (RUNNING.ended("test_io"), 1200.0, 2.5),
        (NEW.planned(dict.fromkeys(SECONDS, 0.0), workers=2), 1000.0, 0.0),
    ],
)
def test_the_time_left_is_that_of_earlier_runs(state: RunState, now: float, left: float) -> None:
    assert state.seconds_left(now) == pytest.approx(left)


def test_no_time_is_left_where_no_run_was_before() -> None:
    assert NEW.planned({"test_io": 0.0}, workers=2).begun("test_io", 1000.0).row(1010.0).left == ""


def test_a_name_cannot_change_the_terminal() -> None:
    assert NEW.begun("test_\x1b[2J", 1000.0).row(1000.0).now == "test_\\x1b[2J 0:00"


def test_the_board_has_the_cells_below_each_other() -> None:
    rows = [
        BoardRow(
            cell="wasi", now="test_io 0:12", finished="2 of 3 modules", verdicts="9 known", unexpected="regression a"
        ),
        BoardRow(cell="wasi-debug", now="build wasi-debug [1/5] configure"),
    ]
    assert [line for line, _ in board_lines(rows, "0 of 2 cells done")] == [
        "0 of 2 cells done",
        "wasi        2 of 3 modules, 9 known",
        "            test_io 0:12",
        "            regression a",
        "wasi-debug  build wasi-debug [1/5] configure",
    ]
    assert board_lines([]) == []
