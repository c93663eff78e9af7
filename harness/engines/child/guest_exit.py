"""How a WASI guest ends itself: with any status, also one that wasmtime refuses, which allows 0 to 125.

Run by path with the wasmtime child, so it imports nothing of the harness.
"""

from __future__ import annotations

from typing import Any


class GuestExitedError(Exception):
    """The guest called proc_exit. `status` is the number that it gave, as a signed one."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit: {status}")
        self.status = status


def define_exit(wasmtime: Any, linker: Any) -> None:
    """Puts a proc_exit that raises GuestExitedError in the place of wasmtime's own."""

    def leave(status: int) -> None:
        raise GuestExitedError(status)

    linker.allow_shadowing = True
    kind = wasmtime.FuncType([wasmtime.ValType.i32()], [])
    linker.define_func("wasi_snapshot_preview1", "proc_exit", kind, leave)
