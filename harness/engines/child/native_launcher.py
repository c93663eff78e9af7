"""Starts the native reference: `native_launcher.py JOURNAL NUMBER PYTHON [arguments...]`. Run by path, then gone.

Like a guest, the process cannot override file permissions, even for root. If JOURNAL is not empty, it is a file that
the process has open as the descriptor NUMBER.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path


def open_journal(path: str, number: int) -> None:
    """Opens the file for appending as the descriptor `number`, which may be beyond the soft limit of open files."""
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
