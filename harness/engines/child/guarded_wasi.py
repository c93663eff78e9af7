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

import os
from collections.abc import Sequence
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
  (i32.store8 (local.get $fd) (local.get $known))))"""

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
    (then (return (call $journal (local.get 1) (local.get 2) (local.get 4)))))
  {_call("call $wasi_fd_pwrite", "fd_pwrite")})

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
    import is defined in `linker`.
    """

    def __init__(self, wasmtime: Any, engine: Any, journal: int) -> None:
        i32 = wasmtime.ValType.i32
        self._doors, self._guard = wasmtime.Module(engine, DOORS), wasmtime.Module(engine, guard(journal))
        self.linker, self._inner = wasmtime.Linker(engine), wasmtime.Linker(engine)
        for linker in (self.linker, self._inner):
            # Some of WASI is defined again, by instances of the store in use.
            linker.allow_shadowing = True
            linker.define_wasi()
        append = wasmtime.FuncType([i32(), i32(), i32()], [i32()])
        self._inner.define_func("harness", "journal", append, self._append, access_caller=True)
        self._journal = -1

    def instantiate(self, store: Any, module: Any, mounts: Sequence[bool]) -> Any:
        """An instance of the guest's module. `mounts` says of each folder, in the order of the store's, whether it is
        writable.
        """
        doors = self.linker.instantiate(store, self._doors).exports(store)
        for call in _CALLS:
            self.linker.define(store, _WASI, call, doors[call])
        guest = self.linker.instantiate(store, module)
        for name, item in (("memory", guest.exports(store)["memory"]), *((name, doors[name]) for name in _SHARED)):
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

    def _append(self, caller: Any, vectors: int, count: int, written: int) -> int:
        """What `fd_pwrite` does for the journal: the number of bytes goes to `written`."""
        if self._journal < 0:
            return _BADF
        memory = caller["memory"]
        size = memory.data_len(caller)
        data = b""
        for number in range(min(count & _MASK, _FEW_VECTORS)):
            at = (vectors & _MASK) + number * _VECTOR
            vector = memory.read(caller, at, at + _VECTOR)
            start, length = int.from_bytes(vector[:4], "little"), int.from_bytes(vector[4:], "little")
            if len(vector) < _VECTOR or start + length > size:
                return _FAULT
            data += memory.read(caller, start, start + length)
        if (written & _MASK) + 4 > size:
            return _FAULT
        try:
            done = os.write(self._journal, data)
        except OSError:
            return _IO
        memory.write(caller, done.to_bytes(4, "little"), written & _MASK)
        return _SUCCESS


# What both small modules know. wasmtime gives a number of 32 bits as one with a sign.
_SHARED = ("known of", "note")
_MASK = 0xFFFFFFFF
