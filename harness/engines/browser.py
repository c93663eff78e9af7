"""Opens a session in a browser for an Emscripten build. It is the same build that Node runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from harness.engines.protocol import JOURNAL
from harness.engines.session import ChildEngine
from harness.util.process import Command

# The script of a guest's Worker.
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
    """A session with a browser that runs the Emscripten module `module` with the code in `wasm`. `module` is an ES6
    factory, or Pyodide's loader with that `guest`. `kind`, `chromium` or `firefox`, decides how `program` is started.

    With `on_page` a guest runs on the page's own thread, whose stack has another size than a Worker's. Such a guest can
    only be stopped by ending the browser.
    """
    load = {"browser": kind, "program": str(program), "module": str(module), "wasm": str(wasm), "journal": JOURNAL}
    load |= {"on_page": on_page, "guest": guest}
    argv = (sys.executable, "-I", str(_HOST))
    return ChildEngine(Command(argv=argv, cwd=log.parent, env=dict(os.environ)), load, log)
