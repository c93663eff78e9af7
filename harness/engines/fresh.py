"""An engine without a warm state: each guest gets a child process of its own."""

from __future__ import annotations

from harness.engines import EngineSession, GuestExit, GuestRun, Watch


class FreshEngine:
    """Ends the child of `engine` after every guest; the next one starts another."""

    def __init__(self, engine: EngineSession) -> None:
        self._engine = engine

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        try:
            return self._engine.run(guest, watch)
        finally:
            self._engine.close()

    def close(self) -> None:
        self._engine.close()
