"""An engine without a warm state: each guest gets a child process of its own, and runs from its start."""

from __future__ import annotations

import dataclasses

from harness.engines.protocol import EngineSession, GuestExit, GuestRun, Watch


class FreshEngine:
    """Ends the child of `engine` after every guest, so that the next one starts another; none goes on from a pause."""

    def __init__(self, engine: EngineSession) -> None:
        self._engine = engine

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        try:
            return self._engine.run(dataclasses.replace(guest, prologue=None), watch)
        finally:
            self._engine.close()

    def close(self) -> None:
        self._engine.close()
