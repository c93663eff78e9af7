"""Opens a Node session for an Emscripten build."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from harness.engines.session import ChildEngine
from harness.process import Command

# Of one guest's threads each, in MiB. Node's own 4 MiB of stack end before CPython's recursion limits do.
STACK_MB = 64
HEAP_MB = 1024
_HOST = Path(__file__).with_name("node_host.mjs")
_LAUNCHER = Path(__file__).with_name("node_launcher.py")


def open_session(*, module: Path, wasm: Path, node: Path, log: Path, flags: tuple[str, ...] = ()) -> ChildEngine:
    """A warm Node that runs the Emscripten module `module` (an ES6 factory) with the code in `wasm`."""
    argv = (sys.executable, "-I", str(_LAUNCHER), str(node), *flags, str(_HOST))
    load = {
        "module": str(module),
        "wasm": str(wasm),
        "limits": {"stackSizeMb": STACK_MB, "maxOldGenerationSizeMb": HEAP_MB},
    }
    return ChildEngine(Command(argv=argv, cwd=log.parent, env=node_environment()), load, log)


def node_environment() -> dict[str, str]:
    """What of the user's environment Node gets: nothing that would change how it runs, and UTC (emscripten#17635)."""
    return {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"}
