"""proc_exit for WASI guests with any status: wasmtime's own allows only 0 to 125.

Run by path with the wasmtime child, so it imports nothing of the harness.
"""

from __future__ import annotations

from typing import Any


class GuestExitedError(Exception):
    """The guest called proc_exit. `status` is its argument as a signed number."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit: {status}")
        self.status = status


def define_exit(wasmtime: Any, linker: Any) -> None:
    """Replaces wasmtime's own proc_exit by one that raises GuestExitedError."""

    def leave(status: int) -> None:
        raise GuestExitedError(status)

    linker.allow_shadowing = True
    kind = wasmtime.FuncType([wasmtime.ValType.i32()], [])
    linker.define_func("wasi_snapshot_preview1", "proc_exit", kind, leave)
