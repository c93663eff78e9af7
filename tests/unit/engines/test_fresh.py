"""The engine of `--isolated`: nothing is left of one guest when the next one starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.engines.fresh import FreshEngine
from harness.engines.protocol import Ending, GuestExit, GuestRun, Prologue, Watch

GUEST = GuestRun(
    argv=("python", "/harness", "x"), mounts=(), output=Path("o"), prologue=Prologue(argv=("python",), resume="x()")
)


class Recorder:
    """An engine that records the requests that it gets; it can be out of order."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.works = True

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        self.events.append(guest)
        if not self.works:
            raise OSError("out of order")
        return GuestExit(ending=Ending.EXITED)

    def close(self) -> None:
        self.events.append("closed")


def test_every_guest_runs_from_its_start_and_its_child_ends_with_it() -> None:
    recorder = Recorder()
    engine = FreshEngine(recorder)
    for _ in range(2):
        assert engine.run(GUEST, lambda: None).ending is Ending.EXITED
    guests = [event for event in recorder.events if isinstance(event, GuestRun)]
    assert [guest.prologue for guest in guests] == [None, None]
    assert [guest.argv for guest in guests] == [GUEST.argv, GUEST.argv]
    assert [event for event in recorder.events if event == "closed"] == ["closed", "closed"]


def test_the_child_ends_also_when_the_guest_cannot_be_run() -> None:
    recorder = Recorder()
    recorder.works = False
    with pytest.raises(OSError, match="out of order"):
        FreshEngine(recorder).run(GUEST, lambda: None)
    assert recorder.events[-1] == "closed"
