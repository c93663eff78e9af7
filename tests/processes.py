"""Waiting for other processes, and looking at them.

How long a thing takes is measured by `nox -s bench` alone: a machine that does something else at the same time makes
any limit of seconds in a test a matter of luck. So a test says what has to happen, and waits for it as long as the
busiest machine may need.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

# Seconds: far more than anything that a test waits for takes.
PATIENCE = 90.0


def wait_for(happened: Callable[[], object], what: str) -> None:
    """Returns as soon as `happened()` is true; the test fails with `what` where it never is."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether the process is there; one that has ended and is not yet waited for is not, where /proc says so."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (ProcessLookupError, FileNotFoundError):
        return False


def descendants(pid: int) -> dict[int, str]:
    """The command lines of all processes below `pid`, by their pids. Linux only."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
    found, below = {}, [pid]
    while below:
        parent = below.pop()
        children = [child for child, its in parents.items() if its == parent]
        below += children
        for child in children:
            try:
                found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
    return found
