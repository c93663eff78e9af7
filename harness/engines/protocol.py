"""What runs a build. Every engine is a supervised child process that speaks one protocol.

One JSON object a line, both ways. To the child: `{"op": "load", ...}` once, `{"op": "run", ...}` for each
guest, `{"op": "stop"}` at any time. From it: one answer to each load and run. A child whose standard input
ends exits at once, so it cannot outlive the harness.

The answer to a load is `{"loaded": WHAT}`, `{"refused": SETTING}` when the runtime does not take a setting, or
`{"error": TEXT}`.

The answer to a run is one of these:

- `{"status": N}` of a guest that exited;
- `{"trap": TEXT}` of one that was ended for a fault of its own or stopped, with `"stack": TEXT` where it could still
  print the stack of Python that it had, and `"frames": [NAME, ...]` where the engine knows which functions were being
  called, the innermost first;
- `{"engine_error": TEXT}` when the child could not run it, whatever guest it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

# What `watch` returns to have a running guest stopped: a short reason, or None to let it go on.
Watch = Callable[[], str | None]

# The descriptor that a guest writes its journal to: beyond every number that a program reaches which closes all it may
# have, or opens as many files as it can. It can only be appended to, by `os.pwrite`, and not be closed.
JOURNAL = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A folder of the host that the guest can see. `sealed` says of one that is not writable that the permission to
    write has been taken from everything in it.
    """

    host: Path
    guest: str
    writable: bool = False
    sealed: bool = False


@dataclass(frozen=True, kw_only=True)
class Prologue:
    """What every guest does first, to be done once: an engine that can runs `argv` to the pause it ends with, keeps the
    memory of that guest, and continues each guest from a copy of it with the Python code `resume`.

    A paused guest has printed one JSON line: the address in its memory for that code, and the bytes there are for it.
    """

    argv: tuple[str, ...]
    resume: str


# How the line of a child's log begins that says why a prologue is not kept: then every guest does all of `argv`.
NO_SNAPSHOT = "no snapshot: "


@dataclass(frozen=True, kw_only=True)
class GuestRun:
    """One start of the interpreter. What it prints is appended to the file `output`, what it writes to the descriptor
    `JOURNAL` to the file `journal`; without one that descriptor is not open. `input` is the file that it reads as its
    standard input, which is empty without one. `argv` does all that it is for, `prologue` the same in two steps; which
    one is the engine's choice.
    """

    argv: tuple[str, ...]
    mounts: tuple[Mount, ...]
    output: Path
    journal: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    prologue: Prologue | None = None
    input: Path | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "op": "run",
            "argv": list(self.argv),
            "env": dict(self.env),
            "mounts": [[str(mount.host), mount.guest, mount.writable, mount.sealed] for mount in self.mounts],
            "output": str(self.output),
            "journal": str(self.journal) if self.journal else "",
            "input": str(self.input) if self.input else None,
            "prologue": list(self.prologue.argv) if self.prologue else None,
            "resume": self.prologue.resume if self.prologue else "",
        }


class Ending(StrEnum):
    """How a guest ended."""

    EXITED = "exited"  # by itself, with a status
    TRAPPED = "trapped"  # the engine stopped it for a fault of its own
    STOPPED = "stopped"  # we stopped it
    ENGINE_DIED = "engine-died"  # and took the guest with it


@dataclass(frozen=True, kw_only=True)
class GuestExit:
    """`status` counts for EXITED; `reason` is the trap, why it was stopped, or how the engine died. `python_stack` is
    what ran in Python then, as faulthandler prints it, the most recent call first; empty where it is not known.
    `frames` are the functions of wasm that were being called, the innermost first, as many as the engine kept.
    """

    ending: Ending
    status: int = 0
    reason: str = ""
    python_stack: str = ""
    frames: tuple[str, ...] = ()


class EngineSession(Protocol):
    """A warm engine that runs one guest after another."""

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        """Runs the guest to its end; `watch` is asked many times a second whether to stop it. EngineFailedError for a
        failure of the engine's own.
        """

    def close(self) -> None:
        """Ends the engine, whatever it is doing."""
