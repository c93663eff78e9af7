"""Adds exports to a WebAssembly module, for functions and globals that its name section names; lists its imports. Pure.

Run by path with the engine's child, so it imports nothing of the harness. Sections and encodings are those of the
WebAssembly core specification 2.0, chapter 5 and appendix 'Custom Sections'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

# The exports that are added to CPython for snapshots, and their symbols. The first runs a string of code in `__main__`
# (Include/cpython/pythonrun.h).
WAY_IN = {"harness.resume": "PyRun_SimpleStringFlags", "harness.stack": "__stack_pointer"}
# Those with which a guest prints its stack of Python after a trap. The first prints the stack of a thread to a
# descriptor (Include/internal/pycore_traceback.h), the second returns the running thread.
STACK_DUMP = {"harness.dump": "_Py_DumpTraceback", "harness.thread": "PyGILState_GetThisThreadState"}

_HEADER = b"\x00asm\x01\x00\x00\x00"
_CUSTOM, _IMPORT, _EXPORT = 0, 2, 7
# Kinds of imports.
_TABLE, _MEMORY, _GLOBAL, _TAG = 1, 2, 3, 4
_FUNCTION_NAMES, _GLOBAL_NAMES = 1, 7
# Export kinds by the subsection that names what is exported.
_KINDS = {_FUNCTION_NAMES: 0, _GLOBAL_NAMES: 3}


def with_exports(wasm: bytes, wanted: Mapping[str, str], optional: Mapping[str, str] | None = None) -> bytes | None:
    """The module with an added export for each of `wanted`, the symbol of each by its name, and for those of `optional`
    whose symbol the module has. None if its name section lacks a symbol of `wanted`, or there is no such section.
    """
    symbols = {**wanted, **(optional or {})}
    found = {symbol: place for symbol, place in _named(wasm) if symbol in symbols.values()}
    if set(wanted.values()) - set(found):
        return None
    names = [(name.encode(), symbol) for name, symbol in symbols.items() if symbol in found]
    added = [_leb(len(name)) + name + found[symbol] for name, symbol in names]
    parts = [_HEADER]
    for kind, start, end in _sections(wasm):
        body = wasm[start:end]
        if kind == _EXPORT:
            count, at = _number(body, 0)
            body = _leb(count + len(added)) + body[at:] + b"".join(added)
        parts += [bytes([kind]), _leb(len(body)), body]
    return b"".join(parts)


def imports_of(wasm: bytes) -> Iterator[tuple[str, str]]:
    """The module and the name of each import. IndexError for a truncated module."""
    for section, start, _ in _sections(wasm):
        if section != _IMPORT:
            continue
        number, at = _number(wasm, start)
        while number:
            module, at = _text(wasm, at)
            name, at = _text(wasm, at)
            yield module, name
            number, at = number - 1, _after_type(wasm, at)


def _after_type(wasm: bytes, at: int) -> int:
    """The position after the type of an import."""
    kind = wasm[at]
    if kind == _GLOBAL:
        return at + 3
    if kind not in {_TABLE, _MEMORY}:
        return _number(wasm, at + (2 if kind == _TAG else 1))[1]
    # The type of a table's elements, then limits, with a maximum or without.
    limits = at + (2 if kind == _TABLE else 1)
    end = _number(wasm, limits + 1)[1]
    return _number(wasm, end)[1] if wasm[limits] & 1 else end


def _sections(wasm: bytes) -> Iterator[tuple[int, int, int]]:
    at = len(_HEADER)
    while at < len(wasm):
        kind = wasm[at]
        size, start = _number(wasm, at + 1)
        yield kind, start, (at := start + size)


def _named(wasm: bytes) -> Iterator[tuple[str, bytes]]:
    """The name of each function and global that has one, with its kind and index encoded as in an export."""
    for section, start, end in _sections(wasm):
        if section != _CUSTOM:
            continue
        title, at = _text(wasm, start)
        while title == "name" and at < end:
            subsection = wasm[at]
            size, at = _number(wasm, at + 1)
            if subsection in _KINDS:
                count, place = _number(wasm, at)
                for _ in range(count):
                    index, place = _number(wasm, place)
                    name, place = _text(wasm, place)
                    yield name, bytes([_KINDS[subsection]]) + _leb(index)
            at += size


def _text(wasm: bytes, at: int) -> tuple[str, int]:
    size, start = _number(wasm, at)
    return wasm[start : start + size].decode(errors="replace"), start + size


def _number(wasm: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number, and the position after it."""
    value = shift = 0
    while True:
        byte = wasm[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # the highest bit says that there is more
            return value, at


def _leb(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
