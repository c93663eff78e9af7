"""What a run was asked for, written down when it starts: --resume goes on with that and with nothing else."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.results.run_folder import ASKED_FILE, unfinished_modules
from harness.run.own_tests import OwnTests
from harness.run.prepared import Prepared
from harness.run.selection import TestSelection
from harness.util.files import write_atomically
from harness.util.paths import shown
from harness.util.text import counted


def asked_for(prepared: Prepared, chosen: TestSelection, tests: OwnTests | None = None) -> dict[str, Any]:
    """What all results in one folder have in common, by the words of an error."""
    return {
        "folder of own tests": [str(tests.source), tests.key] if tests else None,
        "build": dataclasses.asdict(prepared.build.manifest.wasm),
        "engine": prepared.cell.runtime,
        "choice of cases": list(chosen.cases),
        "shard": chosen.shard,
    }


def check_not_lost(folder: Path) -> None:
    """ConfigError when a run that begins in the folder of a cell would lose what another one has left unfinished."""
    if finished := unfinished_modules(folder):
        number = f"{counted(finished, 'module')} {'is' if finished == 1 else 'are'}"
        raise ConfigError(
            f"{shown(folder)} has a run that did not come to its end: {number} finished there",
            hint="--resume goes on with it; --overwrite begins again and removes it",
        )


def check_resumed(folder: Path, asked: Mapping[str, Any]) -> None:
    """ConfigError when the run that was begun in the cell's folder was asked for something else."""
    begun = None
    # A folder that says nothing is a new one.
    with contextlib.suppress(OSError, ValueError):
        begun = json.loads((folder / ASKED_FILE).read_text(encoding="utf-8"))
    if not isinstance(begun, dict):
        return
    if other := [name for name, value in asked.items() if begun.get(name) != value]:
        raise ConfigError(
            f"the run in {folder.parent} cannot be resumed like this: it has another {' and another '.join(other)}",
            hint="resume it with the command that began it, or leave --resume out to start again",
        )


def write_asked(folder: Path, asked: Mapping[str, Any]) -> None:
    """Leaves it in the cell's folder."""
    write_atomically(folder / ASKED_FILE, json.dumps(asked, indent=1) + "\n")
