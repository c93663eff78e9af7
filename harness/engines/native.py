"""Runs the native build Python as if it were a guest, so that one runner and one agent serve the reference too.

There is no sandbox: in the arguments, the guest's path of a mount is replaced by the host's. The journal is an ordinary
descriptor that the process inherits.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.engines.protocol import JOURNAL, Ending, GuestExit, GuestRun, Mount, Watch
from harness.errors import EngineFailedError
from harness.util.process import Command, run

_LAUNCHER = Path(__file__).parent / "child" / "native_launcher.py"


class _StopRequestedError(Exception):
    """`watch` returned a reason to stop. It ends the loop that waits for the process."""


class NativeEngine:
    """A session that starts one native process for each run."""

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        def look(_: float) -> None:
            if reason := watch():
                raise _StopRequestedError(reason)

        program = guest.argv[0]
        if not os.access(program, os.X_OK):
            raise EngineFailedError(f"{program} cannot be started", hint="build its Python again")
        try:
            number = journal_number(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
            done = run(native_command(guest, number), log=guest.output, source=guest.input, on_tick=look)
        except _StopRequestedError as stop:
            return GuestExit(ending=Ending.STOPPED, reason=str(stop))
        if done.returncode < 0:
            return GuestExit(ending=Ending.TRAPPED, reason=f"killed by {signal.Signals(-done.returncode).name}")
        return GuestExit(ending=Ending.EXITED, status=done.returncode)

    def close(self) -> None:
        """Does nothing: no process outlives its run."""


def journal_number(limit: int) -> int:
    """The number of the journal in a process that may have `limit` descriptors."""
    return JOURNAL if limit == resource.RLIM_INFINITY else min(JOURNAL, limit - 1)


def native_command(guest: GuestRun, journal: int = JOURNAL) -> Command:
    """The command for this run. Its working folder, which is also its home, is the guest's /tmp. Its journal has the
    descriptor `journal`, which replaces `JOURNAL` in the arguments.
    """
    scratch = host_path("/tmp", guest.mounts)
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": scratch, "TMPDIR": scratch}
    program, *arguments = guest.argv
    words = [str(journal) if word == str(JOURNAL) else host_path(word, guest.mounts) for word in arguments]
    launch = (sys.executable, "-I", str(_LAUNCHER), str(guest.journal or ""), str(journal))
    argv = (*launch, program, *words)
    return Command(argv=argv, cwd=Path(scratch), env=environment | dict(guest.env))


def host_path(argument: str, mounts: Sequence[Mount]) -> str:
    """`argument`, with the guest's name of a mount at its beginning replaced by the folder's own path."""
    for mount in mounts:
        if argument == mount.guest or argument.startswith(f"{mount.guest}/"):
            return str(mount.host) + argument.removeprefix(mount.guest)
    return argument
