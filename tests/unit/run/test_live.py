"""How the state of a run is shown where there is no terminal."""

from __future__ import annotations

import io
import logging
import sys
import time
from pathlib import Path

import pytest

from harness.run import live
from harness.run.live import Means, Ticker, means, read_board_row, steps_shown
from harness.run.state import BoardRow, RunState
from tests.processes import wait_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("terminal", "environment", "how"),
    [
        (True, {"TERM": "xterm"}, Means.BOARD),
        (True, {"TERM": "dumb"}, Means.LINES),
        (False, {"TERM": "xterm"}, Means.LINES),
        (True, {"TERM": "xterm", live.ROW_VARIABLE: "/x/board.json"}, Means.FILE),
    ],
)
def test_a_board_is_for_a_terminal_that_can_show_it(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environment: dict[str, str], how: Means
) -> None:
    monkeypatch.delenv(live.ROW_VARIABLE, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", Terminal() if terminal else io.StringIO())
    assert means() is how


def test_without_a_terminal_a_line_comes_now_and_then(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    assert live.LINE_SECONDS <= 60
    monkeypatch.setattr(live, "LINE_SECONDS", 0.01)
    monkeypatch.setattr(live, "means", lambda: Means.LINES)
    with steps_shown("wasi"):
        logging.getLogger("harness.build").debug("build wasi [1/5] make")
        wait_for(lambda: len(said) >= 2, "the second line")
    # A line is not taken for a step, or the next would repeat it.
    assert {line for line in said if "preparing" not in line} == {"wasi: 0:00, build wasi [1/5] make"}
    lines = len(said)
    time.sleep(0.05)
    assert len(said) == lines


def test_one_of_several_cells_writes_its_row_to_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "board.json"
    monkeypatch.setenv(live.ROW_VARIABLE, str(file))
    with Ticker(RunState(cell="wasi", started=0.0, step="downloading")).shown():
        pass
    assert read_board_row(file) == BoardRow(cell="wasi", now="downloading")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cell": "wasi"}', '{"no": 1}'])
def test_an_unreadable_row_is_left_out(tmp_path: Path, text: str) -> None:
    (tmp_path / "board.json").write_text(text)
    assert read_board_row(tmp_path / "board.json") is None
    assert read_board_row(tmp_path / "no-such") is None
