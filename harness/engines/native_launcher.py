"""Starts the native reference: `native_launcher.py PYTHON [arguments...]`. Run by path, then gone.

It gets no right that a guest has not got: root's own power to override file permissions is given up.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(argv: list[str]) -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    from node_launcher import keep_rights_given_up  # type: ignore[import-not-found] # noqa: PLC0415 - beside this file
    from wasmtime_worker import give_up_override  # type: ignore[import-not-found] # noqa: PLC0415

    give_up_override()
    keep_rights_given_up()
    os.umask(0o022)
    try:
        os.execv(argv[0], argv)
    except OSError as error:
        sys.exit(f"cannot start {argv[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
