"""The table over several cells, and the status of the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import BuildError, ConfigError, UnavailableError
from harness.report.table import CellRow, failed_row, left_out_row, read_row, render_cells, row_of
from harness.results.cell_results import CellResults, write_results
from harness.results.run_folder import record_error, worst_status
from tests.unit.sample_results import as_expected, usual


def with_run(results: CellResults, **changes: Any) -> CellResults:
    return msgspec.structs.replace(results, run=msgspec.structs.replace(results.run, **changes))


def test_the_table() -> None:
    failed = failed_row("emscripten-3.1.73", 3, "Emscripten 3.1.73 is not available\n  -> try another", 5)
    rows = [row_of(as_expected()), row_of(usual()), failed, left_out_row("wasi-threads", "wasm-ld refuses it")]
    assert render_cells(rows).splitlines() == [
        "cell               cases  passed  skipped  known  unexpected  seconds  state",
        "-----------------------------------------------------------------------------------------",
        "wasi                   3       1        1      1           0      812  as expected",
        "wasi                   8       2        2      1           5      812  5 UNEXPECTED",
        "emscripten-3.1.73      -       -        -      -           -        5  not available here",
        "wasi-threads           -       -        -      -           -        -  left out",
        "",
        "emscripten-3.1.73: not available here: Emscripten 3.1.73 is not available",
        "    -> try another",
        "",
        "wasi-threads: left out: declared as broken: wasm-ld refuses it",
        "",
        "4 cells: 1 as expected, 1 UNEXPECTED, 1 not available here, 1 left out",
    ]


@pytest.mark.parametrize(
    ("results", "state", "status"),
    [
        (as_expected(), "as expected", 0),
        (usual(), "5 UNEXPECTED", 1),
        (with_run(as_expected(), complete=False), "as expected, in part", 0),
        (with_run(usual(), complete=False), "5 UNEXPECTED, in part", 1),
        (with_run(usual(), complete=False, interrupted=True), "interrupted; 5 UNEXPECTED so far", 130),
    ],
)
def test_the_state_of_a_cell_that_was_tested(results: CellResults, state: str, status: int) -> None:
    row = row_of(results)
    assert (row.state, row.status) == (state, status)


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 3], 3),
        ([3, 1, 0], 1),
        ([1, 4, 3], 4),
        ([4, 2], 2),
        ([2, 5], 5),
        ([5, 130], 130),
        ([0, -9], 5),
    ],
)
def test_the_status_is_that_of_the_worst_cell(statuses: list[int], worst: int) -> None:
    assert worst_status(statuses) == worst


@pytest.mark.parametrize(("status", "state"), [(2, "refused"), (4, "not built"), (-9, "internal error")])
def test_a_cell_without_results_says_why(status: int, state: str) -> None:
    assert failed_row("wasi", status).state == state


def test_a_folder_is_read_as_it_was_left(tmp_path: Path) -> None:
    assert read_row(tmp_path / "wasi") is None
    write_results(tmp_path / "wasi" / "results.json", usual())
    assert read_row(tmp_path / "wasi") == row_of(usual())
    record_error(tmp_path / "wasi", BuildError("make failed", hint="look at its log"))
    assert read_row(tmp_path / "wasi") == failed_row("wasi", 4, "make failed\n  -> look at its log")


def test_an_error_is_kept_where_no_folder_was_yet(tmp_path: Path) -> None:
    record_error(tmp_path / "run" / "wasi", UnavailableError("no network"))
    row = read_row(tmp_path / "run" / "wasi")
    assert row is not None
    assert (row.state, row.status, row.why) == ("not available here", 3, "no network")


def test_no_control_character_reaches_the_terminal() -> None:
    assert "\x1b" not in render_cells([CellRow(cell="a\x1b[2J", state="not built", why="\x1b]0;title\x07")])


@pytest.mark.parametrize("text", ['{"half', "[]", "{}", '{"status": "x", "error": ""}'])
def test_an_error_that_cannot_be_read_is_reported_with_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "error.json").write_text(text)
    with pytest.raises(ConfigError, match=r"error\.json is not what a cell without results leaves"):
        read_row(tmp_path)


def test_all_interrupted_cells_are_counted_together() -> None:
    tested = row_of(with_run(as_expected(), complete=False, interrupted=True))
    rows = [tested, failed_row("wasi-debug", 130)]
    assert render_cells(rows).splitlines()[-1] == "2 cells: 2 interrupted"
