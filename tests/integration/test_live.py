"""The board, under a pseudo terminal: it is there while a run goes on, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.run.prepared import Prepared
from tests.processes import PATIENCE

pytestmark = [pytest.mark.integration, pytest.mark.toolchain]
ROOT = Path(__file__).parents[2]


def on_terminal(*arguments: str, until: Callable[[str], int] = lambda _: 0, seconds: float = 120) -> tuple[int, str]:
    """Runs the harness under a terminal of 100 columns; `until` is shown what was printed so far, and gives the number
    of a signal when it is to be sent. Gives the exit status and all that was printed.
    """
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    argv = [sys.executable, "-m", "harness", *arguments]
    process = subprocess.Popen(argv, cwd=ROOT, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output, deadline, sent = b"", time.monotonic() + seconds, False
    # The other end of a terminal that is closed is an error on Linux.
    with contextlib.suppress(OSError):
        while chunk := os.read(ours, 65536):
            if time.monotonic() > deadline:
                pytest.fail(output.decode("utf-8", "replace"))
            output += chunk
            if not sent and (number := until(output.decode("utf-8", "replace"))):
                os.kill(process.pid, number)
                sent = True
    os.close(ours)
    return process.wait(PATIENCE), output.decode("utf-8", "replace")


def left_behind(output: str) -> list[str]:
    """The lines that stay on the terminal: without those that were erased, without color and blanks at the end."""
    lines = [""]
    for part in re.split(r"(\r\n|\r|\x1b\[2K|\x1b\[1A|\x1b\[K)", output):
        if part == "\r\n":
            lines.append("")
        elif part in {"\x1b[2K", "\x1b[K"}:
            lines[-1] = ""
        elif part == "\x1b[1A":
            lines.pop()
        elif part != "\r":
            lines[-1] += re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", part)
    return [line.rstrip() for line in lines]


def test_the_board_of_a_run(wasi: Prepared, tmp_path: Path) -> None:
    status, output = on_terminal("test", "wasi", "test_json", "test_list", "-n", "2", f"--run-dir={tmp_path}")
    assert status == 0, output
    assert "0 of 2 modules" in output
    part = r"(\[\d/\d\])?"  # of a module that is cut once its time is known
    assert re.search(rf"test_json{part} \d:\d\d", output)
    assert re.search(rf"test_list{part} \d:\d\d", output)
    assert re.search(r"2 of 2 modules.*\d+ as-expected", output)
    assert "bringing up nodes" not in output
    assert output.count("\x1b[?25l") == output.count("\x1b[?25h") == 1  # the cursor is back
    left = left_behind(output)
    assert not [line for line in left if "of 2 modules" in line or line.startswith("..")]
    assert "2 passed in" in left[-2]
    assert [line for line in left if re.fullmatch(r"wasi: \d+ cases, .* -> as expected", line)]


def test_a_terminal_with_v_has_the_lines_of_pytest(wasi: Prepared, tmp_path: Path) -> None:
    status, output = on_terminal("test", "wasi", "test_bool", "-vv", "-n", "1", f"--run-dir={tmp_path}")
    assert status == 0, output
    assert "PASSED" in output
    assert "of 1 module" not in output


def test_an_unexpected_case_is_on_the_board_at_once(wasi: Prepared, tmp_path: Path) -> None:
    own = tmp_path / "test_own.py"
    own.write_text(
        "import time, unittest\nclass T(unittest.TestCase):\n def test_wrong(self): self.fail('no')\n"
        "if __name__ == '__main__': unittest.main()\n"
    )
    status, output = on_terminal("test", "wasi", f"--tests={own}", f"--run-dir={tmp_path / 'run'}")
    assert status == 1, output
    assert "1 regression" in output
    assert "regression test_own.T.test_wrong: fail" in output


def test_ctrl_c_takes_the_board_away(wasi: Prepared, tmp_path: Path) -> None:
    # A module of its own that surely still runs: one of the suite's is cut into parts once its time is known,
    # and is then named otherwise on the board and over in seconds.
    own = tmp_path / "test_endless.py"
    own.write_text("import time, unittest\nclass T(unittest.TestCase):\n def test_sleeps(self): time.sleep(300)\n")
    status, output = on_terminal(
        "test",
        "wasi",
        f"--tests={own}",
        f"--run-dir={tmp_path / 'run'}",
        until=lambda so_far: signal.SIGINT if "test_endless 0:01" in so_far else 0,
    )
    assert status == 130, output
    left = "\n".join(left_behind(output))
    assert "interrupted:" in left
    assert "Traceback" not in left
    assert output.count("\x1b[?25l") == output.count("\x1b[?25h") == 1


def test_several_cells_have_one_board_and_whole_lines(wasi: Prepared, emscripten: Prepared, tmp_path: Path) -> None:
    cells = ("wasi", "emscripten-3.1.69")
    status, output = on_terminal("test", *cells, "test_json", "-n", "1", f"--run-dir={tmp_path}")
    assert status == 0, output
    assert "0 of 2 cells done" in output
    assert re.search(r"wasi +0 of 1 module", output)
    left = left_behind(output)
    assert [line for line in left if line.endswith("-" * 110)]  # wider than the terminal, and still one line
    assert not [line for line in left if "cells done" in line]
    assert "2 cells: 2 as expected, in part" in left
    assert not list(tmp_path.glob("*/board.json"))
