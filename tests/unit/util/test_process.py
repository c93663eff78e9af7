"""What a finished command shows in an error message; tests/integration/test_process.py starts real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.util.process import Command, Completed, indented


@pytest.mark.parametrize(
    ("output", "count", "shown"),
    [("", 8, ""), ("\na\nb\nc\n\n", 8, "  a\n  b\n  c"), ("a\n\nb\n", 2, "  \n  b"), ("a\nb\nc", 1, "  c")],
)
def test_the_tail_of_an_output_is_its_last_lines_indented(output: str, count: int, shown: str) -> None:
    command = Command(argv=("make",), cwd=Path())
    done = Completed(command=command, returncode=2, seconds=1.0, timed_out=False, output=output)
    assert done.tail(count) == shown


def test_each_line_is_indented_also_an_empty_one() -> None:
    assert indented("a\n\n b") == "  a\n  \n   b"
