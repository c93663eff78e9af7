"""Runs a browser: `browser_guard.py FOLDER PROGRAM [arguments...]`, until it ends or the guard's standard input does.

A browser is a tree of processes that outlives a parent which was killed. The guard is not in the process group of the
engine, so it is not killed with it. When its standard input ends, for whatever reason, it kills the process group of
the browser and removes FOLDER.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

REMOVAL_SECONDS = 5.0


def main(folder: str, *argv: str) -> int:
    """The browser's exit status, or 127 when it cannot be started."""
    try:
        # Whatever it prints goes to the engine's log.
        browser = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=2, start_new_session=True)
    except OSError as error:
        print(f"cannot start {argv[0]}: {error.strerror}", file=sys.stderr)
        return 127
    threading.Thread(target=_end_with_input, args=(browser.pid,), daemon=True).start()
    status = browser.wait()
    _end_group(browser.pid)
    # Processes that are about to end may still write there.
    deadline = time.monotonic() + REMOVAL_SECONDS
    while Path(folder).exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)
    return status if status >= 0 else 128 - status


def _end_with_input(group: int) -> None:
    os.read(0, 1)
    _end_group(group)


def _end_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # when all of it has ended
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
