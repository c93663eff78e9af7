"""Messages of the harness, and who shows them."""

from __future__ import annotations

import logging

import pytest

from harness.util.log import show_log, to_stderr, to_stdout

logger = logging.getLogger("harness.util.test_log")


def test_the_last_front_end_shows_each_message_once(said: list[str]) -> None:
    lines: list[str] = []
    show_log(lines.append)
    logger.info("building %s", "wasi")
    assert (lines, said) == (["building wasi"], [])


def test_output_that_nobody_reads_any_more_is_noticed() -> None:
    def broken(_: str) -> None:
        raise BrokenPipeError

    show_log(broken)
    with pytest.raises(BrokenPipeError):
        logger.info("anything")
    show_log(lambda _: None)


def test_each_line_is_written_to_its_stream(capsys: pytest.CaptureFixture[str]) -> None:
    to_stdout("one")
    to_stderr("two")
    assert capsys.readouterr() == ("one\n", "two\n")
