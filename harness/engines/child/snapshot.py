"""Snapshots of guests: the memory of a CPython that has paused, from which other guests continue.

Run by path with the wasmtime child, so it imports nothing of the harness. A snapshot is the linear memory and the stack
pointer: CPython's own frames are in that memory. The wasm frames are not needed. A guest continues with a new call, as
if it were made from within the `os._exit` that the paused guest called.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_RESUME, _STACK = "harness.resume", "harness.stack"
_PAGE = 4096


@dataclass(frozen=True, kw_only=True)
class PausedGuest:
    """A snapshot. `written` are the stretches of its memory that differ from those of a new instance, by address. The
    code with which a guest continues is written to `code_at`; with the zero at its end it has at most `code_limit`
    bytes.
    """

    stack: int
    wasm_pages: int
    written: tuple[tuple[int, bytes], ...]
    code_at: int
    code_limit: int

    @classmethod
    def of(cls, store: Any, exports: Any, fresh: Any, placement: Mapping[str, int]) -> PausedGuest:
        """The snapshot of the guest with these exports. `fresh` are the exports of an instance that has not run yet.
        `placement` is what the guest printed: the address and the size of the place for the code.
        """
        memory, blank = exports["memory"], fresh["memory"]
        blank.grow(store, memory.size(store) - blank.size(store))
        size = memory.data_len(store)
        return cls(
            stack=exports[_STACK].value(store),
            wasm_pages=memory.size(store),
            written=tuple(_differences(memory.read(store, 0, size), blank.read(store, 0, size))),
            code_at=placement["code"],
            code_limit=placement["limit"],
        )

    def resume(self, store: Any, exports: Any, code: bytes) -> Callable[[], object]:
        """Writes the snapshot into a new instance, and returns the function that continues there with `code`."""
        memory = exports["memory"]
        memory.grow(store, self.wasm_pages - memory.size(store))
        base = ctypes.addressof(memory.data_ptr(store).contents)
        for address, data in (*self.written, (self.code_at, code + b"\0")):
            ctypes.memmove(base + address, data, len(data))
        exports[_STACK].set_value(store, self.stack)
        return lambda: exports[_RESUME](store, self.code_at, 0)


def _differences(memory: bytes | bytearray, blank: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    """The stretches of whole pages in which two memories differ.

    If the second, third and fifth of five pages differ, there are two: of 8192 bytes at 4096, and 4096 at 16384.
    """
    start = None
    for at in range(0, len(memory) + _PAGE, _PAGE):
        differs = memory[at : at + _PAGE] != blank[at : at + _PAGE]
        if differs and start is None:
            start = at
        elif not differs and start is not None:
            yield start, bytes(memory[start:at])
            start = None
