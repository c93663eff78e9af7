"""Runs the native build Python as if it were a guest, so that one runner and one agent serve the reference too.

There is no sandbox: a mount is nothing but a name, and an argument that begins with one gets the host's path instead.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.engines import Ending, GuestExit, GuestRun, Mount, Watch
from harness.process import Command, run

_LAUNCHER = Path(__file__).with_name("native_launcher.py")


class _StopRequestedError(Exception):
    """What `watch` answered; raised through the loop that waits for the process."""


class NativeEngine:
    """A session that starts one native process for each run."""

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        def look(_: float) -> None:
            if reason := watch():
                raise _StopRequestedError(reason)

        try:
            done = run(native_command(guest), log=guest.output, source=guest.input, on_tick=look)
        except _StopRequestedError as stop:
            return GuestExit(ending=Ending.STOPPED, reason=str(stop))
        if done.returncode < 0:
            return GuestExit(ending=Ending.TRAPPED, reason=f"killed by {signal.Signals(-done.returncode).name}")
        return GuestExit(ending=Ending.EXITED, status=done.returncode)

    def close(self) -> None:
        """Nothing outlives a run."""


def native_command(guest: GuestRun) -> Command:
    """The process for this run. It works in the folder that a guest has as its /tmp, which is also its home."""
    scratch = host_path("/tmp", guest.mounts)
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": scratch, "TMPDIR": scratch}
    program, *arguments = guest.argv
    argv = (sys.executable, "-I", str(_LAUNCHER), program, *(host_path(word, guest.mounts) for word in arguments))
    return Command(argv=argv, cwd=Path(scratch), env=environment | dict(guest.env))


def host_path(argument: str, mounts: Sequence[Mount]) -> str:
    """`argument`, with the guest's name of a mount at its beginning replaced by the folder's own path."""
    for mount in mounts:
        if argument == mount.guest or argument.startswith(f"{mount.guest}/"):
            return str(mount.host) + argument.removeprefix(mount.guest)
    return argument
