"""What long work shows: a live line on a terminal, one line at the start and end of each step elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from harness.util.text import clock


@dataclass
class Progress:
    """Numbers the steps of one job and says when each begins and ends. `total` is 0 when it is not known."""

    title: str
    total: int = 0
    stream: TextIO = field(default_factory=lambda: sys.stdout)
    done: int = 0

    def say(self, line: str) -> None:
        """One line of the harness's own."""
        self.stream.write(f"{self._clear()}{line}\n")
        self.stream.flush()

    @contextmanager
    def step(self, name: str, detail: str = "") -> Iterator[Callable[[float], None]]:
        """Gives the function that is told the elapsed seconds while the step goes on."""
        self.done += 1
        label = f"{self.title} [{self.done}/{self.total}] {name}" if self.total else f"{self.title} {name}"
        self.say(f"{label}{': ' + detail if detail else ''}")
        start = time.monotonic()
        yield lambda elapsed: self._tick(f"{label}  {clock(elapsed)}")
        self.say(f"{label} done in {clock(time.monotonic() - start)}")

    def _tick(self, line: str) -> None:
        if self.stream.isatty():
            self.stream.write(f"{self._clear()}{line}")
            self.stream.flush()

    def _clear(self) -> str:
        return "\r\x1b[K" if self.stream.isatty() else ""
