"""The protocol of engines. Every engine is a supervised child process that runs guests of one build.

One JSON object a line, both ways. To the child: `{"op": "load", ...}` once, `{"op": "run", ...}` for each
guest, `{"op": "stop"}` at any time. From it: one answer to each load and run. A child exits at once when its standard
input ends, so it cannot outlive the harness.

The answer to a load is `{"loaded": WHAT}`, `{"refused": SETTING}` when the runtime does not take a setting, or
`{"error": TEXT}`.

The answer to a run is one of these:

- `{"status": N}` for a guest that exited;
- `{"trap": TEXT}` for a guest that trapped or was stopped, with `"stack": TEXT` if it could still print its stack of
  Python, and `"frames": [NAME, ...]` if the engine knows the stack of wasm functions, the innermost first;
- `{"engine_error": TEXT}` when the child itself failed, which says nothing of the guest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

# Called while a guest runs: returns a short reason to stop the guest, or None to let it go on.
Watch = Callable[[], str | None]

# The descriptor to which a guest writes its journal. The number is larger than any that a program reaches which closes
# all its descriptors, or opens as many files as it can. It can only be appended to, by `os.pwrite`, and not be closed.
JOURNAL = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A folder of the host that the guest can see. A `sealed` one is not writable, and nothing in it has a permission
    to write.
    """

    host: Path
    guest: str
    writable: bool = False
    sealed: bool = False


@dataclass(frozen=True, kw_only=True)
class Prologue:
    """What every guest does first, so that it can be done once. An engine that supports this runs `argv`, which ends in
    a pause, keeps the memory of that guest as a snapshot, and continues each guest from a copy with the code `resume`.

    A guest that pauses prints one JSON line: the address in its memory for that code, and how many bytes there are.
    """

    argv: tuple[str, ...]
    resume: str


# The beginning of the line in a child's log that says why it has no snapshot, so that every guest runs all of `argv`.
NO_SNAPSHOT = "no snapshot: "


@dataclass(frozen=True, kw_only=True)
class GuestRun:
    """One start of the interpreter. Its output is appended to the file `output`, and what it writes to the descriptor
    `JOURNAL` to the file `journal`; without that file the descriptor is not open. Its standard input is the file
    `input`, or empty. `argv` and `prologue` are two ways to do the same, at once or from a snapshot: the engine
    chooses.
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
    TRAPPED = "trapped"  # by a trap, or another fault of the guest
    STOPPED = "stopped"  # by the harness
    ENGINE_DIED = "engine-died"  # together with the engine's process


@dataclass(frozen=True, kw_only=True)
class GuestExit:
    """`status` is that of an EXITED guest; `reason` is the trap, why it was stopped, or how the engine died.
    `python_stack` is the stack of Python then, as faulthandler prints it, the most recent call first; empty if it is
    not known. `frames` is the stack of wasm functions, the innermost first, as far as the engine kept it.
    """

    ending: Ending
    status: int = 0
    reason: str = ""
    python_stack: str = ""
    frames: tuple[str, ...] = ()


class EngineSession(Protocol):
    """A warm engine that runs one guest after another."""

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        """Runs the guest to its end; `watch` is called several times a second. EngineFailedError when the engine itself
        fails.
        """

    def close(self) -> None:
        """Ends the engine, whatever it is doing."""
