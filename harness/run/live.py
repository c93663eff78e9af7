"""Shows the state of a run while it goes on: as a board on a terminal, elsewhere as a line every minute.

If several cells are tested, the process of each writes its row to a file, and the parent process draws one board.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.run.state import BoardRow, RunState, board_lines
from harness.util.files import write_atomically
from harness.util.log import watch_log

if TYPE_CHECKING:
    from rich.console import Console

logger = logging.getLogger(__name__)

# The environment variable with the file for the row of this process.
ROW_VARIABLE = "WASM_HARNESS_ROW"
LINE_SECONDS = 60.0
ROW_SECONDS = 0.5


class Means(Enum):
    """How the state is shown."""

    BOARD = auto()
    LINES = auto()
    FILE = auto()


def means() -> Means:
    """How this process shows the state of its run."""
    if os.environ.get(ROW_VARIABLE):
        return Means.FILE
    is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "").lower() not in {"dumb", "unknown"}
    return Means.BOARD if is_terminal else Means.LINES


class Ticker:
    """Has the state, and shows it from time to time in a thread. A board reads the state itself."""

    def __init__(self, state: RunState, how: Means | None = None) -> None:
        self.state = state
        self.how = how or means()
        self._end = threading.Event()

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        if self.how is Means.BOARD:
            yield
            return
        work = self._write_rows if self.how is Means.FILE else self._write_lines
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            thread.join()

    def _write_lines(self) -> None:
        while not self._end.wait(LINE_SECONDS):
            logger.info(self.state.line(time.time()))

    def _write_rows(self) -> None:
        path = Path(os.environ[ROW_VARIABLE])
        ended = False
        while not ended:
            ended = self._end.wait(ROW_SECONDS)
            with contextlib.suppress(OSError):
                write_atomically(path, json.dumps(dataclasses.asdict(self.state.row(time.time()))))


@contextlib.contextmanager
def steps_shown(cell: str) -> Iterator[None]:
    """Shows the state while the cell is prepared: its step is the last message of the log. On a terminal nothing is
    shown, since the steps have a line of their own there.
    """
    ticker = Ticker(RunState(cell=cell, started=time.time()))

    def note(record: logging.LogRecord) -> None:
        if record.name != __name__:
            ticker.state = ticker.state.at_step(record.getMessage())

    with watch_log(note), ticker.shown():
        yield


def read_board_row(path: Path) -> BoardRow | None:
    """The newest row that the process of a cell has written; None before the first."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        return BoardRow(**json.loads(path.read_text(encoding="utf-8")))
    return None


@contextlib.contextmanager
def board(rows: Callable[[], Sequence[BoardRow]], title: Callable[[], str] = str) -> Iterator[Console]:
    """Draws a board at the bottom of the terminal while the block runs. Other output appears above it."""
    from rich.console import Console, Group  # noqa: PLC0415 - it takes a tenth of a second, and is for terminals alone
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    def drawn() -> Group:
        lines = board_lines(rows(), title())
        return Group(*(Text(line, style=style, no_wrap=True, overflow="ellipsis") for line, style in lines))

    # Output is not wrapped, so that a command can be copied.
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    with Live(console=console, get_renderable=drawn, refresh_per_second=4, transient=True):
        yield console


@contextlib.contextmanager
def above(console: Console, reporter: Any) -> Iterator[None]:
    """Lets the output of pytest's reporter appear above the board while the block runs."""
    from rich.file_proxy import FileProxy  # noqa: PLC0415

    # pytest has no option for where its reporter writes; a test under a pseudo terminal holds this.
    writer = reporter._tw  # noqa: SLF001
    file = writer._file  # noqa: SLF001
    writer._file = FileProxy(console, file)  # noqa: SLF001
    try:
        yield
    finally:
        writer._file.flush()  # noqa: SLF001
        writer._file = file  # noqa: SLF001


def write_whole_line(reporter: Any, line: str) -> None:
    """Writes a line with pytest's reporter on a line of its own. `ensure_newline` does not notice progress dots."""
    reporter.write_line(f"\n{line}" if reporter._tw.width_of_current_line else line)  # noqa: SLF001
