"""The exports that the harness adds to an interpreter, for its snapshot and for the stack of a trap; its imports."""

from __future__ import annotations

from pathlib import Path

from harness.engines.child.wasm_exports import STACK_DUMP, WAY_IN, imports_of, with_exports
from harness.util.files import write_atomically
from harness.util.hashing import content_key

# Which exports these are, for the name of a file that has them: with others it is another file.
EXPORTS_KEY = content_key([WAY_IN, STACK_DUMP])[:8]


# What the wasmtime child defines for a guest.
_WASI = "wasi_snapshot_preview1"


def not_provided(wasm: bytes) -> tuple[str, ...]:
    """What the module imports and no WASI guest is given, as `host::call`. Empty for one that is cut off: wasmtime says
    so at once.
    """
    try:
        return tuple(f"{module}::{name}" for module, name in imports_of(wasm) if module != _WASI)
    except IndexError:
        return ()


def exporting(wasm: Path, kept: Path) -> Path:
    """The module `wasm` with the exports: the file `kept`, which is made once.

    `wasm` itself where its functions have no names; guests then start from their beginning.
    """
    if kept.exists():
        return kept
    code = with_exports(wasm.read_bytes(), WAY_IN, STACK_DUMP)
    if code is None:
        return wasm
    write_atomically(kept, code)
    return kept
