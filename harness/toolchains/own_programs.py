"""Programs of this machine that are named as a cell's runtime."""

from __future__ import annotations

import os
from pathlib import Path


def why_unusable(program: Path, said: str) -> str:
    """Why a program is not the runtime that it should be; `said` is its output for `--version`."""
    if said:
        return f"it calls itself {said.splitlines()[0]!r}"
    if not program.exists():
        return "there is no such file"
    if program.is_dir():
        return "it is a folder, and not a program"
    if not os.access(program, os.X_OK):
        return "it is not executable"
    return "it does not run: `--version` prints nothing"
