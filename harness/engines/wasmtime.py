"""Opens a wasmtime session for a WASI build."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from harness.engines.protocol import JOURNAL
from harness.engines.session import LOAD_SECONDS, ChildEngine
from harness.util.process import Command

# Bytes of linear memory for one guest: half of what a 32-bit guest could address, and several times what the suite
# needs.
MEMORY_LIMIT = 2 << 30
# How much of a module even a busy machine compiles in a second. Interpreters that others have built may have 100 MB.
COMPILED_BYTES_PER_SECOND = 100_000
_WORKER = Path(__file__).parent / "child" / "wasmtime_worker.py"


def open_session(*, wasm: Path, compiled: Path, wasm_stack: int, runtime: Path, log: Path, index: int) -> ChildEngine:
    """A session with the wasmtime package in `runtime`. `compiled` is where the compiled module is cached.

    Sessions that run side by side are bound to one processor each; `index` is the number of this one among them.
    """
    command = Command(argv=(sys.executable, "-I", str(_WORKER), str(runtime)), cwd=log.parent)
    load = {
        "wasm": str(wasm),
        "compiled": str(compiled),
        "max_wasm_stack": wasm_stack,
        "memory_limit": MEMORY_LIMIT,
        "processor": processor_for(index),
        "journal": JOURNAL,
    }
    return ChildEngine(command, load, log, LOAD_SECONDS + wasm.stat().st_size / COMPILED_BYTES_PER_SECOND)


def processor_for(index: int) -> int | None:
    """The processor for the `index`-th session; None where the system has no call for it."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[index % len(allowed)]
