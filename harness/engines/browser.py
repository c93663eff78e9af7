"""Opens a session in a browser for an Emscripten build: the one that Node runs too."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from harness.engines.protocol import JOURNAL
from harness.engines.session import ChildEngine
from harness.util.process import Command

# What a guest's Worker runs.
EMSCRIPTEN_GUEST = "guest_worker.mjs"
PYODIDE_GUEST = "pyodide_worker.mjs"
_HOST = Path(__file__).parent / "child" / "browser_host.py"


def open_session(
    *,
    kind: str,
    program: Path,
    module: Path,
    wasm: Path,
    log: Path,
    on_page: bool = False,
    guest: str = EMSCRIPTEN_GUEST,
) -> ChildEngine:
    """A warm browser that runs the Emscripten module `module` (an ES6 factory, or Pyodide's loader with that `guest`)
    with the code in `wasm`. `kind` is `chromium` or `firefox`, by which `program` is started. With `on_page` a guest
    runs on the page's own thread, which has another stack than a Worker's, and nothing but the end of its browser stops
    it.
    """
    load = {"browser": kind, "program": str(program), "module": str(module), "wasm": str(wasm), "journal": JOURNAL}
    load |= {"on_page": on_page, "guest": guest}
    argv = (sys.executable, "-I", str(_HOST))
    return ChildEngine(Command(argv=argv, cwd=log.parent, env=dict(os.environ)), load, log)
