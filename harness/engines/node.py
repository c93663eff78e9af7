"""Opens a Node session for an Emscripten build."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from harness.engines.protocol import JOURNAL
from harness.engines.session import ChildEngine
from harness.util.process import Command

# MiB for each thread of a guest. From 4 on it is CPython's own stack of 5 MB in wasm memory that ends first, always at
# the same depth; the margin is for code that is not optimised yet, whose frames are larger.
STACK_MB = 32
HEAP_MB = 1024
# V8 begins with code that is compiled fast, and exchanges what runs often for better code with frames of other sizes.
ONE_COMPILER = ("--liftoff-only",)
# MiB of objects before V8 looks for what guests have left. Without it that is at every guest, and under Pyodide, whose
# start makes 15 of them, twice for each. The memories of guests that are gone have a limit of their own, of 64 MiB.
HEAP_BEFORE_COLLECTION = 128
_HOST = Path(__file__).parent / "child" / "node_host.mjs"
_LAUNCHER = Path(__file__).parent / "child" / "node_launcher.py"


# What a guest's thread begins with: the factory that Emscripten makes, or the loader of Pyodide.
EMSCRIPTEN_GUEST = "node_guest.mjs"
PYODIDE_GUEST = "pyodide_guest.mjs"


def open_session(
    *,
    module: Path,
    wasm: Path,
    node: Path,
    log: Path,
    flags: tuple[str, ...] = (),
    packages: Path | None = None,
    guest: str = EMSCRIPTEN_GUEST,
    stack: int | None = None,
) -> ChildEngine:
    """A warm Node that runs the Emscripten module `module` (an ES6 factory, or Pyodide's loader with that `guest`) with
    the code in `wasm`. What Emscripten's own code asks of npm is looked for in the folder `packages`.

    `stack` are the bytes of stack of a guest's thread, STACK_MB otherwise. With it V8 keeps to the code that it begins
    with, so that frames have one size.
    """
    own = (f"--initial-old-space-size={HEAP_BEFORE_COLLECTION}", *(ONE_COMPILER if stack else ()))
    argv = (sys.executable, "-I", str(_LAUNCHER), str(node), *flags, *own, str(_HOST))
    load = {
        "guest": guest,
        "module": str(module),
        "wasm": str(wasm),
        "journal": JOURNAL,
        "limits": {"stackSizeMb": stack / (1 << 20) if stack else STACK_MB, "maxOldGenerationSizeMb": HEAP_MB},
        "packages": str(packages) if packages else "",
    }
    return ChildEngine(Command(argv=argv, cwd=log.parent, env=node_environment()), load, log)


def node_environment() -> dict[str, str]:
    """What of the user's environment Node gets: nothing that would change how it runs, and UTC (emscripten#17635)."""
    return {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"}
