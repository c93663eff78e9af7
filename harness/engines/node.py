"""Opens a Node session for an Emscripten build."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from harness.engines.protocol import JOURNAL
from harness.engines.session import ChildEngine
from harness.util.process import Command

# MiB of stack for each thread of a guest. From 4 MiB on CPython's own stack of 5 MB in wasm memory is exhausted first,
# always at the same depth. The rest is for code that V8 has not optimised yet, whose frames are larger.
STACK_MB = 32
HEAP_MB = 1024
# V8 starts with code that is compiled fast, and replaces what runs often by optimised code with frames of other sizes.
ONE_COMPILER = ("--liftoff-only",)
# MiB of objects before V8 collects garbage. By default it does so at every guest, and under Pyodide, whose start makes
# 15 MiB of objects, twice for each. For the memories of guests that have ended V8 has another limit, of 64 MiB.
HEAP_BEFORE_COLLECTION = 128
_HOST = Path(__file__).parent / "child" / "node_host.mjs"
_LAUNCHER = Path(__file__).parent / "child" / "node_launcher.py"


# The script of a guest's thread: it calls the factory that Emscripten makes, or the loader of Pyodide.
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
    """A session with a Node that runs the Emscripten module `module` with the code in `wasm`. `module` is an ES6
    factory, or Pyodide's loader with that `guest`. npm packages that Emscripten's own code imports are searched in
    `packages`.

    `stack` is the size of the stack of a guest's thread in bytes; without it STACK_MB. With it V8 does not optimise, so
    that all frames of a function have one size.
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
    """The environment of Node: nothing of the user's that would change how it runs, and UTC (emscripten#17635)."""
    return {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"}
