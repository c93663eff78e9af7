"""Starts the native reference: `native_launcher.py PYTHON [arguments...]`. Run by path, then gone.

It gets no right that a guest has not got: root's own power to override file permissions is given up.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(argv: list[str]) -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    from rights import become  # type: ignore[import-not-found] # noqa: PLC0415 - beside this file

    become(argv)


if __name__ == "__main__":
    main(sys.argv[1:])
