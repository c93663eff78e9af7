"""What long work shows: a live line on a terminal, one line at the start and end of each step elsewhere."""

from __future__ import annotations

import logging
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from harness.util.text import clock, plain

logger = logging.getLogger(__name__)
_SOURCE = re.compile(r"[\w./+-]+\.(?:c|cc|cpp|cxx|S)(?= |$)")
_DETAIL = 60


class Tick(Protocol):
    """What a step calls while it goes on, with the elapsed seconds and the last line of its output."""

    def __call__(self, elapsed: float, output: str = "", /) -> None: ...


def under_way(output: str) -> str:
    """What a line of a build's output says of where it is: the source that is compiled, else the line, shortened."""
    sources = _SOURCE.findall(output)
    return re.sub(r"^(\.{1,2}/)+", "", sources[-1]) if sources else plain(output.strip())[:_DETAIL]


@dataclass
class Progress:
    """Numbers the steps of one job and says when each begins and ends. `total` is 0 when it is not known."""

    title: str
    total: int = 0
    stream: TextIO = field(default_factory=lambda: sys.stdout)
    done: int = 0

    def say(self, line: str) -> None:
        """Writes one line of the harness itself."""
        self.stream.write(f"{self._clear()}{line}\n")
        self.stream.flush()

    @contextmanager
    def step(self, name: str, detail: str = "") -> Iterator[Tick]:
        """Gives the function to call while the step goes on."""
        self.done += 1
        label = f"{self.title} [{self.done}/{self.total}] {name}" if self.total else f"{self.title} {name}"
        self.say(f"{label}{': ' + detail if detail else ''}")
        start = time.monotonic()
        yield lambda elapsed, output="": self._tick(f"{label}  {clock(elapsed)}  {under_way(output)}".rstrip())
        self.say(f"{label} done in {clock(time.monotonic() - start)}")

    def _tick(self, line: str) -> None:
        logger.debug("%s", line)
        if self.stream.isatty():
            # A line that goes on in the next one could not be cleared.
            self.stream.write(f"{self._clear()}{line[: shutil.get_terminal_size().columns - 1]}")
            self.stream.flush()

    def _clear(self) -> str:
        return "\r\x1b[K" if self.stream.isatty() else ""
