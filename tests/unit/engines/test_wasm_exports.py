"""Exports that a WebAssembly module did not have."""

from __future__ import annotations

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from harness.engines.child.wasm_exports import _leb, _number, imports_of, with_exports

HIDDEN = """(module
  (global $unnamed_before i32 (i32.const 1))
  (global $level (mut i32) (i32.const 41))
  (func $idle)
  (func $more (result i32) (i32.add (global.get $level) (i32.const 1)))
  (func (export "_start") (call $idle))
)"""


def compiled(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def test_what_a_module_keeps_to_itself_can_be_reached() -> None:
    store = wasmtime.Store()
    wasm = with_exports(compiled(HIDDEN), {"in": "more", "level": "level"})
    assert wasm is not None
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, wasm), []).exports(store)
    level, more = instance["level"], instance["in"]
    assert isinstance(level, wasmtime.Global)
    assert isinstance(more, wasmtime.Func)
    level.set_value(store, 6)
    assert more(store) == 7
    assert "_start" in instance


@pytest.mark.parametrize("symbol", ["nothing", "_start", ""])
def test_a_symbol_without_a_name_gives_nothing(symbol: str) -> None:
    assert with_exports(compiled(HIDDEN), {"in": symbol, "level": "level"}) is None


def test_a_stripped_module_gives_nothing() -> None:
    wasm = compiled('(module (func (export "_start")))')
    assert with_exports(wasm, {"in": "more"}) is None


def test_nothing_wanted_changes_nothing() -> None:
    wasm = compiled(HIDDEN)
    assert with_exports(wasm, {}) == wasm


def test_every_kind_of_import_is_read() -> None:
    text = """(module
      (import "host" "call" (func (param i32)))
      (import "a" "table" (table 1 9 funcref))
      (import "b" "table" (table 300 funcref))
      (import "c" "memory" (memory 1))
      (import "d" "memory" (memory 1 65536))
      (import "e" "global" (global (mut i64)))
      (import "f" "tag" (tag (param i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))))"""
    wasm = compiled(text)
    modules = ["host", "a", "b", "c", "d", "e", "f", "wasi_snapshot_preview1"]
    assert [module for module, _ in imports_of(wasm)] == modules
    assert [name for _, name in imports_of(wasm)][-2:] == ["tag", "fd_write"]
    assert list(imports_of(compiled(HIDDEN))) == []
    with pytest.raises(IndexError):
        list(imports_of(wasm[:60]))


@given(st.integers(min_value=0, max_value=2**32 - 1), st.binary(max_size=3))
def test_numbers_are_read_as_they_are_written(value: int, after: bytes) -> None:
    encoded = _leb(value)
    assert _number(encoded + after, 0) == (value, len(encoded))
