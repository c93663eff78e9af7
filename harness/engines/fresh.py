"""An engine that keeps nothing between guests: each gets a new child process and no snapshot."""

from __future__ import annotations

import dataclasses

from harness.engines.protocol import EngineSession, GuestExit, GuestRun, Watch


class FreshEngine:
    """Ends the child of `engine` after every guest, and lets none of them continue from a snapshot."""

    def __init__(self, engine: EngineSession) -> None:
        self._engine = engine

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        try:
            return self._engine.run(dataclasses.replace(guest, prologue=None), watch)
        finally:
            self._engine.close()

    def close(self) -> None:
        self._engine.close()
