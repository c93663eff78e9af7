"""What stands between a WASI guest and wasmtime's own WASI: the journal, and mounts that stay as they are.

Run by path with the wasmtime child, so it imports nothing of the harness. wasmtime can refuse to write to a folder, but
then answers EPERM even for a file that does not exist. So it gets the staged library, in which no file has a permission
to write, as a writable folder. Two things need no such permission: to set the times of a file of one's own, and to link
to it. Those are refused here. And what a guest writes to the number of the journal goes to a file of the host.

wasmtime's WASI takes the arguments of a call from the memory of the instance that calls. So the calls that are looked
at go through two small instances: the guest imports those of `DOORS`, which hands each on through a table, to the
module that `guard` writes. That one decides. It imports the guest's memory, and so it can only be made after the guest.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable, Sequence
from typing import Any

_WASI = "wasi_snapshot_preview1"
# Errors of WASI preview 1.
_SUCCESS, _BADF, _FAULT, _IO, _ROFS, _XDEV = 0, 8, 21, 29, 69, 75
_FIRST_MOUNT = 3
# What is known of a descriptor, as bits: that it lies in a mount that is not writable, that it is a mount.
_READ_ONLY, _MOUNT = 1, 2
# An iovec has two numbers of four bytes: where, and how long.
_VECTOR = 8
_FEW_VECTORS = 1024
# The calls that are looked at, with the types of their parameters. All of them answer with an error number.
_CALLS = {
    "fd_close": "i32",
    "fd_filestat_set_times": "i32 i64 i64 i32",
    "fd_pwrite": "i32 i32 i32 i64 i32",
    "fd_renumber": "i32 i32",
    "path_filestat_set_times": "i32 i32 i32 i32 i64 i64 i32",
    "path_link": "i32 i32 i32 i32 i32 i32 i32",
    "path_open": "i32 i32 i32 i32 i32 i64 i64 i32 i32",
}
_TYPES = "\n".join(f"(type ${call} (func (param {kinds}) (result i32)))" for call, kinds in _CALLS.items())


def _call(how: str, call: str, target: str = "") -> str:
    """A call with all parameters of the function in which it stands."""
    arguments = " ".join(f"(local.get {index})" for index in range(len(_CALLS[call].split())))
    return f"({how} {arguments} {target})"


_DOORS = "\n".join(
    f'(func (export "{call}") (type ${call}) {_call(f"call_indirect (type ${call})", call, f"(i32.const {index})")})'
    for index, call in enumerate(_CALLS)
)
# The memory has a byte for each descriptor: Linux allows a process no more of them unless it is configured to, and
# a number beyond it traps.
DOORS = f"""(module
{_TYPES}
(table (export "doors") {len(_CALLS)} funcref)
(memory (export "known") 16)
{_DOORS}
(func (export "known of") (param $fd i32) (result i32)
  (if (result i32) (i32.lt_u (local.get $fd) (i32.const 0x100000))
    (then (i32.load8_u (local.get $fd)))
    (else (i32.const 0))))
(func (export "note") (param $fd i32) (param $known i32)
  (i32.store8 (local.get $fd) (local.get $known)))
;; Of a guest that has no thread of Python.
(func (export "no thread") (result i32) (i32.const 0)))"""

_IMPORTS = "\n".join(f'(import "{_WASI}" "{call}" (func $wasi_{call} (type ${call})))' for call in _CALLS)
_STAT = range(0, 64, 8)
_KEEP = " ".join(f"(local.set $kept{at} (i64.load (i32.const {at})))" for at in _STAT)
_PUT_BACK = " ".join(f"(i64.store (i32.const {at}) (local.get $kept{at}))" for at in _STAT)


def guard(journal: int) -> str:
    """The module that decides; `journal` is the number of the journal."""
    return f"""(module
{_TYPES}
{_IMPORTS}
(import "{_WASI}" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
(import "harness" "known of" (func $known_of (param i32) (result i32)))
(import "harness" "note" (func $note (param i32 i32)))
(import "harness" "thread" (func $thread (result i32)))
(import "harness" "journal" (func $journal (param i32 i32 i32) (result i32)))
(import "harness" "memory" (memory 0))
(export "memory" (memory 0))

(func $is (param $fd i32) (param $bit i32) (result i32)
  (i32.and (call $known_of (local.get $fd)) (local.get $bit)))

;; The error of looking at a path; if it is there, the error of what is not done to it.
(func $refusal (param $fd i32) (param $path i32) (param $length i32) (param $refused i32) (result i32)
  (local $missing i32) {" ".join(f"(local $kept{at} i64)" for at in _STAT)}
  ;; The answer is written where a C program has nothing, and what was there is put back.
  {_KEEP}
  (local.set $missing (call $stat (local.get $fd) (i32.const 0) (local.get $path) (local.get $length) (i32.const 0)))
  {_PUT_BACK}
  (select (local.get $missing) (local.get $refused) (local.get $missing)))

;; A mount stays open: nothing could be opened after it, which is never what a program that closes everything is about.
(func (export "fd_close") (type $fd_close) (local $error i32)
  (if (call $is (local.get 0) (i32.const {_MOUNT})) (then (return (i32.const {_BADF}))))
  (local.set $error {_call("call $wasi_fd_close", "fd_close")})
  (if (i32.eqz (local.get $error)) (then (call $note (local.get 0) (i32.const 0))))
  (local.get $error))

(func (export "fd_filestat_set_times") (type $fd_filestat_set_times)
  (if (call $is (local.get 0) (i32.const {_READ_ONLY})) (then (return (i32.const {_ROFS}))))
  {_call("call $wasi_fd_filestat_set_times", "fd_filestat_set_times")})

(func (export "fd_pwrite") (type $fd_pwrite)
  (if (i32.eq (local.get 0) (i32.const {journal}))
    (then (return (call $append (local.get 1) (local.get 2) (local.get 4)))))
  {_call("call $wasi_fd_pwrite", "fd_pwrite")})

(func $inside (param $at i32) (param $length i32) (result i32)
  (i64.le_u
    (i64.add (i64.extend_i32_u (local.get $at)) (i64.extend_i32_u (local.get $length)))
    (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16))))

(func $append (param $vectors i32) (param $count i32) (param $written i32) (result i32) (local $at i32) (local $end i32)
  (if (i32.gt_u (local.get $count) (i32.const {_FEW_VECTORS})) (then (local.set $count (i32.const {_FEW_VECTORS}))))
  (local.set $end (i32.mul (local.get $count) (i32.const {_VECTOR})))
  (if (i32.eqz (i32.and
        (call $inside (local.get $vectors) (local.get $end))
        (call $inside (local.get $written) (i32.const 4))))
    (then (return (i32.const {_FAULT}))))
  (local.set $at (local.get $vectors))
  (local.set $end (i32.add (local.get $vectors) (local.get $end)))
  (block $done (loop $next
    (br_if $done (i32.eq (local.get $at) (local.get $end)))
    (if (i32.eqz (call $inside (i32.load (local.get $at)) (i32.load offset=4 (local.get $at))))
      (then (return (i32.const {_FAULT}))))
    (local.set $at (i32.add (local.get $at) (i32.const {_VECTOR})))
    (br $next)))
  (local.set $at (call $journal (local.get $vectors) (local.get $count) (call $thread)))
  (if (i32.lt_s (local.get $at) (i32.const 0)) (then (return (i32.sub (i32.const 0) (local.get $at)))))
  (i32.store (local.get $written) (local.get $at))
  (i32.const {_SUCCESS}))

(func (export "fd_renumber") (type $fd_renumber) (local $error i32)
  (if (i32.or (call $is (local.get 0) (i32.const {_MOUNT})) (call $is (local.get 1) (i32.const {_MOUNT})))
    (then (return (i32.const {_BADF}))))
  (local.set $error {_call("call $wasi_fd_renumber", "fd_renumber")})
  (if (i32.and (i32.eqz (local.get $error)) (i32.ne (local.get 0) (local.get 1)))
    (then
      (call $note (local.get 1) (call $known_of (local.get 0)))
      (call $note (local.get 0) (i32.const 0))))
  (local.get $error))

(func (export "path_filestat_set_times") (type $path_filestat_set_times)
  (if (call $is (local.get 0) (i32.const {_READ_ONLY}))
    (then (return (call $refusal (local.get 0) (local.get 2) (local.get 3) (i32.const {_ROFS})))))
  {_call("call $wasi_path_filestat_set_times", "path_filestat_set_times")})

(func (export "path_link") (type $path_link)
  (if (call $is (local.get 4) (i32.const {_READ_ONLY}))
    (then (return (call $refusal (local.get 0) (local.get 2) (local.get 3) (i32.const {_ROFS})))))
  (if (call $is (local.get 0) (i32.const {_READ_ONLY}))
    (then (return (call $refusal (local.get 0) (local.get 2) (local.get 3) (i32.const {_XDEV})))))
  {_call("call $wasi_path_link", "path_link")})

;; No path leads out of the folder that it starts from, so what is opened belongs to the mount of that folder.
(func (export "path_open") (type $path_open) (local $error i32)
  (local.set $error {_call("call $wasi_path_open", "path_open")})
  (if (i32.eqz (local.get $error))
    (then
      (call $note
        (i32.load (local.get 8))
        (call $is (local.get 0) (i32.const {_READ_ONLY})))))
  (local.get $error)))"""


class GuardedWasi:
    """The WASI of one guest after the other, on one engine: only one of them runs at a time. What else a guest is to
    import is defined in `linker`. `thread_is_at` is given the address of a guest's running thread of Python, whenever
    the guest writes to its journal; a guest says where that is by its export `thread`.
    """

    def __init__(
        self, wasmtime: Any, engine: Any, journal: int, thread: str, thread_is_at: Callable[[int], None]
    ) -> None:
        self._doors, self._guard = wasmtime.Module(engine, DOORS), wasmtime.Module(engine, guard(journal))
        self.linker, self._inner = wasmtime.Linker(engine), wasmtime.Linker(engine)
        for linker in (self.linker, self._inner):
            # Some of WASI is defined again, by instances of the store in use.
            linker.allow_shadowing = True
            linker.define_wasi()
        self._thread, self._thread_is_at = thread, thread_is_at
        # What the class for functions adds to each call takes many times as long as the call itself.
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
        """An instance of the guest's module. `mounts` says of each folder, in the order of the store's, whether it is
        writable.
        """
        doors = self.linker.instantiate(store, self._doors).exports(store)
        for call in _CALLS:
            self.linker.define(store, _WASI, call, doors[call])
        guest = self.linker.instantiate(store, module)
        exports = guest.exports(store)
        # wasmtime reserves the addresses of all that it can grow to, so it stays where it is.
        self._memory = ctypes.addressof(exports["memory"].data_ptr(store).contents)
        thread = exports[self._thread] if self._thread in exports else doors["no thread"]
        shared = {"memory": exports["memory"], "thread": thread, **{name: doors[name] for name in _SHARED}}
        for name, item in shared.items():
            self._inner.define(store, "harness", name, item)
        decisions = self._inner.instantiate(store, self._guard).exports(store)
        for index, call in enumerate(_CALLS):
            doors["doors"].set(store, index, decisions[call])
        known = bytes(_MOUNT if writable else _MOUNT | _READ_ONLY for writable in mounts)
        doors["known"].write(store, known, _FIRST_MOUNT)
        return guest

    def open_journal(self, path: str) -> None:
        """Appends what the next guest writes to its journal to the file `path`; it has none if that is empty."""
        self.close_journal()
        if path:
            self._journal = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def close_journal(self) -> None:
        """What is written from now on is refused, as to a descriptor that is not open."""
        if self._journal >= 0:
            os.close(self._journal)
            self._journal = -1

    def _append(self, _: object, _caller: object, values: Any, _count: int) -> int:
        """Writes to the journal what the vectors have; they are inside the guest's memory. The number of bytes,
        or an error of WASI as a negative number, is put in the place of the first argument; 0 is for no trap.
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


# What both small modules know. wasmtime gives a number of 32 bits as one with a sign.
_SHARED = ("known of", "note")
_MASK = 0xFFFFFFFF
