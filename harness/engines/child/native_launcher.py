"""Starts the native reference: `native_launcher.py JOURNAL NUMBER PYTHON [arguments...]`. Run by path, then gone.

It gets no right that a guest has not got: root's own power to override file permissions is given up. The file JOURNAL,
if that is not empty, is the open descriptor NUMBER of what is started.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path


def open_journal(path: str, number: int) -> None:
    """Opens the file to be appended to; its number may be beyond the limit of open files that programs start with."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.dup2(descriptor, number)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    os.close(descriptor)


def main(argv: list[str]) -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    from privileges import become  # type: ignore[import-not-found] # noqa: PLC0415 - next to this file

    journal, number, *command = argv
    if journal:
        open_journal(journal, int(number))
    become(command)


if __name__ == "__main__":
    main(sys.argv[1:])
