"""Locks between processes, which a child can inherit."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from harness.util.files import disk_errors_as_unavailable
from harness.util.hashing import content_key

logger = logging.getLogger(__name__)

LOCK_POLL_SECONDS = 0.1


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """Holds the lock of the file `path` while the block runs, and waits for another process that has it. Yields the
    descriptor of the lock.

    A child that inherits the descriptor keeps the lock when this process dies, so that no other process enters a tree
    in which an orphaned make still works. `name_group` records that child in the file. A process that waits kills such
    orphans if it can recognise them (on Linux, in the same pid namespace), and else waits until they end.
    """
    with disk_errors_as_unavailable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        logged = False
        while not try_lock(descriptor):
            _end_orphans(descriptor)
            if not logged:
                logger.info("waiting for another run that holds %s", path)
                logged = True
            time.sleep(LOCK_POLL_SECONDS)
        with disk_errors_as_unavailable(path):
            name_group(descriptor, 0)
        try:
            yield descriptor
        finally:
            os.ftruncate(descriptor, 0)  # the numbers will soon be another's
    finally:
        os.close(descriptor)


def name_group(descriptor: int, group: int) -> None:
    """Records in the file of a lock that this process has it, the process group of a child that inherits it, and the
    pid namespace of both.
    """
    os.pwrite(descriptor, f"{os.getpid():<12}{group:<12}{_place():<16}".encode(), 0)


def _end_orphans(descriptor: int) -> None:
    """Kills the group that holds a lock whose owner is dead."""
    words = os.pread(descriptor, 40, 0).decode("ascii", "replace").split()
    # Containers and hosts may share the lock: elsewhere the numbers are those of somebody else.
    if len(words) != 3 or words[2] != _place():
        return
    owner, group = int(words[0]), int(words[1])
    if group and not _is_alive(owner):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def _place() -> str:
    """The scope of a pid as text: the start of the system and the pid namespace. Empty if it is not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
    return content_key([boot, namespace])


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def try_lock(descriptor: int) -> bool:
    """Tries to lock the file, without waiting for another process that has the lock. Returns whether it succeeded."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
