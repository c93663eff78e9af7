"""Starts Node as the child that runs Emscripten guests: `node_launcher.py NODE [arguments...]`. Run by path, then gone.

It does what Node cannot do itself: it gives up the capabilities to override file permissions, and moves the protocol
from the descriptors 0 and 1, which guests can reach, to 3 and 4.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

REQUESTS, ANSWERS = 3, 4


def move_protocol() -> None:
    """Moves the protocol away from 0 and 1. Reading from 0 then gives nothing, and 1 is the log as 2 is."""
    os.dup2(0, REQUESTS)
    os.dup2(1, ANSWERS)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.closerange(ANSWERS + 1, nothing + 1)


def main(argv: list[str]) -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    from privileges import become  # type: ignore[import-not-found] # noqa: PLC0415 - next to this file

    move_protocol()
    become(argv)


if __name__ == "__main__":
    main(sys.argv[1:])
