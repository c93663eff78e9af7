"""A guest of CPython that paused where it was ready, kept so that others can go on from there.

Run by path with the wasmtime child, so it imports nothing of the harness. What makes up a paused guest is its linear
memory and its stack pointer: CPython's own frames are in that memory. The frames of wasm are not needed: a guest goes
on with a call of its own, as if it were made from within the `os._exit` that the paused one called.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_RESUME, _STACK = "harness.resume", "harness.stack"
_PAGE = 4096
_WASM_PAGE = 65536


@dataclass(frozen=True, kw_only=True)
class PausedGuest:
    """`written` is what of its memory is unlike a fresh instance's, by address; the code to go on with is put at
    `code_at`, with a zero after it at most `code_limit` bytes.
    """

    stack: int
    wasm_pages: int
    written: tuple[tuple[int, bytes], ...]
    code_at: int
    code_limit: int

    @classmethod
    def of(cls, store: Any, exports: Any, fresh: Any, placement: Mapping[str, int]) -> PausedGuest:
        """The guest with these exports. `fresh` are those of an instance that has not run yet; `placement` is what the
        guest printed.
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

    def way_on(self, store: Any, exports: Any, code: bytes) -> Callable[[], object]:
        """Makes a fresh instance into a copy of the guest. Calling what it gives goes on with `code`."""
        memory = exports["memory"]
        memory.grow(store, self.wasm_pages - memory.size(store))
        base = ctypes.addressof(memory.data_ptr(store).contents)
        for address, data in (*self.written, (self.code_at, code + b"\0")):
            ctypes.memmove(base + address, data, len(data))
        exports[_STACK].set_value(store, self.stack)
        return lambda: exports[_RESUME](store, self.code_at, 0)


def _differences(memory: bytes | bytearray, blank: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    """The stretches of whole pages in which two memories differ.

    Of five pages, where the second, third and fifth were written to: two stretches, from 4096 and from 16384.
    """
    start = None
    for at in range(0, len(memory) + _PAGE, _PAGE):
        differs = memory[at : at + _PAGE] != blank[at : at + _PAGE]
        if differs and start is None:
            start = at
        elif not differs and start is not None:
            yield start, bytes(memory[start:at])
            start = None
