"""What long work shows, on a terminal and elsewhere."""

from __future__ import annotations

import io
import logging

import pytest

from harness.util.log import watch_log
from harness.util.progress import Progress, under_way
from harness.util.text import clock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (67.9, "1:07"), (3599, "59:59"), (3723, "1:02:03")])
def test_the_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_log_gets_one_line_at_the_start_and_one_at_the_end_of_a_step() -> None:
    stream = io.StringIO()
    progress = Progress("build wasi", total=2, stream=stream)
    for name in ("configure", "make"):
        with progress.step(name, "command") as tick:
            tick(1.0)
    assert stream.getvalue().splitlines() == [
        "build wasi [1/2] configure: command",
        "build wasi [1/2] configure done in 0:00",
        "build wasi [2/2] make: command",
        "build wasi [2/2] make done in 0:00",
    ]


def test_a_terminal_gets_a_line_that_goes_on() -> None:
    stream = Terminal()
    with Progress("build wasi", total=1, stream=stream).step("make") as tick:
        tick(65.0)
        tick(66.0)
    assert "\r\x1b[Kbuild wasi [1/1] make  1:05\r\x1b[Kbuild wasi [1/1] make  1:06" in stream.getvalue()


def test_a_step_that_fails_is_not_called_done() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="x"), Progress("t", stream=stream).step("s"):
        raise ValueError("x")
    assert "done" not in stream.getvalue()


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("clang -c -O2 -o Objects/a.o ../../Objects/dictobject.c", "Objects/dictobject.c"),
        ("checking for sin in -lm... yes", "checking for sin in -lm... yes"),
        ("x" * 100, "x" * 60),
        ("a\x1b[2J", "a\\x1b[2J"),
        ("", ""),
    ],
)
def test_what_is_under_way_is_the_source_that_is_compiled_or_the_last_line(output: str, shown: str) -> None:
    assert under_way(output) == shown


def test_the_step_says_what_is_under_way_to_a_terminal_and_to_who_watches_the_log() -> None:
    stream = Terminal()
    seen: list[tuple[int, str]] = []
    with (
        watch_log(lambda record: seen.append((record.levelno, record.getMessage()))),
        Progress("build wasi", total=1, stream=stream).step("make") as tick,
    ):
        tick(65.0, "cc -c ./Python/ceval.c")
    assert "build wasi [1/1] make  1:05  Python/ceval.c" in stream.getvalue()
    assert seen == [(logging.DEBUG, "build wasi [1/1] make  1:05  Python/ceval.c")]


def test_a_line_that_goes_on_keeps_to_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    with Progress("a title that is long", stream=stream).step("make") as tick:
        tick(1.0)
    assert "\r\x1b[Ka title that is lon\r" in stream.getvalue()
