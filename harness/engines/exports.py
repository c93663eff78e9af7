"""The exports that the harness adds to an interpreter, for snapshots and for the stack of a trap; and its imports."""

from __future__ import annotations

from pathlib import Path

from harness.engines.child.wasm_exports import STACK_DUMP, WAY_IN, imports_of, with_exports
from harness.util.files import write_atomically
from harness.util.hashing import content_key

# A part of the name of a file with these exports: other exports make another file.
EXPORTS_KEY = content_key([WAY_IN, STACK_DUMP])[:8]
# The only module of imports that the wasmtime child defines.
_WASI = "wasi_snapshot_preview1"


def not_provided(wasm: bytes) -> tuple[str, ...]:
    """The imports of the module that no WASI guest is given, as `host::call`. Empty for a truncated module, which
    wasmtime refuses at once.
    """
    try:
        return tuple(f"{module}::{name}" for module, name in imports_of(wasm) if module != _WASI)
    except IndexError:
        return ()


def exporting(wasm: Path, kept: Path) -> Path:
    """The path of the module `wasm` with the added exports: `kept`, a file that is written once.

    It is `wasm` itself if its functions have no names. Then there are no snapshots.
    """
    if kept.exists():
        return kept
    code = with_exports(wasm.read_bytes(), WAY_IN, STACK_DUMP)
    if code is None:
        return wasm
    write_atomically(kept, code)
    return kept
