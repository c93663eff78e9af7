"""Directs the messages of the harness. Modules log to `logging.getLogger(__name__)`; a front end calls `show_log`.

Without a front end, as in a worker of xdist or on another machine, nothing is shown.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator


class LineHandler(logging.Handler):
    """Gives each message to a function that writes a line."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(record.getMessage())


def show_log(write: Callable[[str], None]) -> None:
    """From now on the messages of the harness are written by this function, and by no other."""
    logger = logging.getLogger("harness")
    for handler in [handler for handler in logger.handlers if isinstance(handler, LineHandler)]:
        logger.removeHandler(handler)
    logger.addHandler(LineHandler(write))
    logger.setLevel(logging.DEBUG)


class _Watching(logging.Handler):
    """Gives each record to a function."""

    def __init__(self, note: Callable[[logging.LogRecord], None]) -> None:
        super().__init__(logging.DEBUG)
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        self._note(record)


@contextlib.contextmanager
def watch_log(note: Callable[[logging.LogRecord], None]) -> Iterator[None]:
    """While the block runs, the function gets what the harness logs: the messages, and as DEBUG what is under way."""
    logger = logging.getLogger("harness")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(watching := _Watching(note))
    try:
        yield
    finally:
        logger.removeHandler(watching)


def to_stdout(line: str) -> None:
    """Writes the line to standard output, over what a progress line has left on a terminal."""
    clear = "\r\x1b[K" if sys.stdout.isatty() else ""
    print(f"{clear}{line}", flush=True)


def to_stderr(line: str) -> None:
    """Writes the line to standard error, where standard output is the result itself."""
    print(line, file=sys.stderr, flush=True)
