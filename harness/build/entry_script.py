"""CPython's own entry script for Emscripten, which starts its interpreter under Node as a normal Python. Pure."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ENTRY_SCRIPT = "python.sh"
NODE_ENTRY = "node_entry.mjs"
_ENTRY_PATH = re.compile(rf"(?<=\s)/\S+/{re.escape(NODE_ENTRY)}(?=\s)")


def script_in(script: str, folder: Path) -> str:
    """The text of an entry script that starts what is next to it in `folder`, and not in the folder where configure
    wrote it.
    """
    entry = shlex.quote(str(folder / NODE_ENTRY))
    return _ENTRY_PATH.sub(lambda _: entry, script)
