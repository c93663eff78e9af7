"""WASI for a guest: wasmtime's own, with a journal, and with mounts that a guest cannot change in any way.

Run by path with the wasmtime child, so it imports nothing of the harness. wasmtime can refuse to write to a folder, but
then answers EPERM even for a file that does not exist. So it gets the staged library, in which no file has a permission
to write, as a writable folder. Two operations need no such permission: setting the times of a file that one owns, and
linking to it. They are refused here. And what a guest writes to the descriptor of the journal goes to a file of the
host.

Which calls are refused, and how, is in guarded_wasi.wat, a module that calls wasmtime's WASI for everything else. It
imports the memory of the guest, so it can be instantiated only after the guest. The guest therefore imports the calls
from a third module, TRAMPOLINES, whose functions call those of guarded_wasi.wat through a table that is filled later.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_WASI = "wasi_snapshot_preview1"
# Errors of WASI preview 1.
_BADF, _IO = 8, 29
_FIRST_MOUNT = 3
# What is known of a descriptor, as bits: it is in a mount that is not writable; it is a mount.
_READ_ONLY, _MOUNT = 1, 2
# The bytes of an iovec: an address and a length.
_VECTOR = 8
# wasmtime gives a number of 32 bits as one with a sign.
_MASK = 0xFFFFFFFF
# The calls that guarded_wasi.wat has, with the types of their parameters. All of them return an error number.
_CALLS = {
    "fd_close": "i32",
    "fd_filestat_set_times": "i32 i64 i64 i32",
    "fd_pwrite": "i32 i32 i32 i64 i32",
    "fd_renumber": "i32 i32",
    "path_filestat_set_times": "i32 i32 i32 i32 i64 i64 i32",
    "path_link": "i32 i32 i32 i32 i32 i32 i32",
    "path_open": "i32 i32 i32 i32 i32 i64 i64 i32 i32",
}
_GUARD = Path(__file__).with_suffix(".wat")


def _trampoline(index: int, call: str) -> str:
    """The function for a call, which calls the function at `index` of the table with all of its parameters."""
    kinds = _CALLS[call]
    arguments = " ".join(f"(local.get {number})" for number in range(len(kinds.split())))
    return f"""(type ${call} (func (param {kinds}) (result i32)))
(func (export "{call}") (type ${call})
  (call_indirect (type ${call}) {arguments} (i32.const {index})))"""


_NEWLINE = "\n"
# It also has what is known of each descriptor, a byte in its memory: Linux allows a process no more of them unless it
# is configured to, and a number beyond that traps.
TRAMPOLINES = f"""(module
(table (export "table") {len(_CALLS)} funcref)
(memory (export "known") 16)
{_NEWLINE.join(_trampoline(index, call) for index, call in enumerate(_CALLS))}
(func (export "known of") (param $fd i32) (result i32)
  (if (result i32) (i32.lt_u (local.get $fd) (i32.const 0x100000))
    (then (i32.load8_u (local.get $fd)))
    (else (i32.const 0))))
(func (export "note") (param $fd i32) (param $known i32)
  (i32.store8 (local.get $fd) (local.get $known)))
;; For a guest that does not export the address of its thread of Python.
(func (export "no thread") (result i32) (i32.const 0)))"""
# Its functions that guarded_wasi.wat imports.
_SHARED = ("known of", "note")


class GuardedWasi:
    """The WASI of the guests of one engine, which run one after the other. Further imports of guests can be defined in
    `linker`.

    `thread_is_at` is called with the address of the guest's running thread of Python whenever the guest writes to its
    journal. `thread` is the name of the guest's export that returns this address.
    """

    def __init__(
        self, wasmtime: Any, engine: Any, journal: int, thread: str, thread_is_at: Callable[[int], None]
    ) -> None:
        self._trampolines = wasmtime.Module(engine, TRAMPOLINES)
        self._guard = wasmtime.Module(engine, _GUARD.read_text(encoding="utf-8").replace("{journal}", str(journal)))
        # The imports of guests, and those of guarded_wasi.wat.
        self.linker, self._inner = wasmtime.Linker(engine), wasmtime.Linker(engine)
        for linker in (self.linker, self._inner):
            # Some imports are defined again for each guest, by instances of its store.
            linker.allow_shadowing = True
            linker.define_wasi()
        self._thread, self._thread_is_at = thread, thread_is_at
        # wasmtime's own class for functions converts arguments, which takes many times as long as the call itself.
        self._called = wasmtime._ffi.wasmtime_func_unchecked_callback_t(self._append)  # noqa: SLF001
        self._define_journal(wasmtime)
        self._memory = 0
        self._journal = -1

    def _define_journal(self, wasmtime: Any) -> None:
        i32, calls = wasmtime.ValType.i32, wasmtime._ffi  # noqa: SLF001
        kind = wasmtime.FuncType([i32(), i32(), i32()], [i32()])
        names = [part for name in (b"harness", b"journal") for part in (ctypes.create_string_buffer(name), len(name))]
        nothing_to_free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)()
        linker = self._inner.ptr()
        error = calls.wasmtime_linker_define_func_unchecked(
            linker, *names, kind.ptr(), self._called, None, nothing_to_free
        )
        if error:
            raise wasmtime.WasmtimeError._from_ptr(error)  # noqa: SLF001

    def instantiate(self, store: Any, module: Any, mounts: Sequence[bool]) -> Any:
        """An instance of the guest's module. `mounts` says for each mount, in the order in which the store has them,
        whether it is writable.
        """
        trampolines = self.linker.instantiate(store, self._trampolines).exports(store)
        for call in _CALLS:
            self.linker.define(store, _WASI, call, trampolines[call])
        guest = self.linker.instantiate(store, module)
        exports = guest.exports(store)
        # The memory stays there when it grows: wasmtime has reserved the addresses up to its limit.
        self._memory = ctypes.addressof(exports["memory"].data_ptr(store).contents)
        thread = exports[self._thread] if self._thread in exports else trampolines["no thread"]
        shared = {"memory": exports["memory"], "thread": thread, **{name: trampolines[name] for name in _SHARED}}
        for name, item in shared.items():
            self._inner.define(store, "harness", name, item)
        guard = self._inner.instantiate(store, self._guard).exports(store)
        for index, call in enumerate(_CALLS):
            trampolines["table"].set(store, index, guard[call])
        known = bytes(_MOUNT if writable else _MOUNT | _READ_ONLY for writable in mounts)
        trampolines["known"].write(store, known, _FIRST_MOUNT)
        return guest

    def open_journal(self, path: str) -> None:
        """Opens the file `path` as the journal of the next guest, which has none if `path` is empty."""
        self.close_journal()
        if path:
            self._journal = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def close_journal(self) -> None:
        """Closes the journal: what a guest writes to it then is refused, as with a descriptor that is not open."""
        if self._journal >= 0:
            os.close(self._journal)
            self._journal = -1

    def _append(self, _: object, _caller: object, values: Any, _count: int) -> int:
        """Appends the bytes that the vectors name to the journal. guarded_wasi.wat has checked that they are inside the
        guest's memory.

        The result replaces the first argument: the number of bytes, or an error of WASI as a negative number. The
        return value 0 says that there is no trap.
        """
        vectors, count = self._memory + (values[0].i32 & _MASK), values[1].i32
        self._thread_is_at(values[2].i32 & _MASK)
        numbers = struct.unpack(f"<{2 * count}I", ctypes.string_at(vectors, count * _VECTOR))
        parts = [ctypes.string_at(self._memory + at, length) for at, length in zip(*[iter(numbers)] * 2, strict=True)]
        try:
            values[0].i32 = os.write(self._journal, b"".join(parts)) if self._journal >= 0 else -_BADF
        except OSError:
            values[0].i32 = -_IO
        return 0
