"""What the probes of a cell have found, where they were run: its probes.json, beside its results.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROBES_FILE = "probes.json"
SCHEMA = 1
_QUIET = frozenset({"not applicable"})


def read_probes(cell_folder: Path, recorded: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """By limitation: the finding and what was seen; empty where there are no probes, or none of our schema. `recorded`
    are those in results.json: the file may be of a later day.
    """
    try:
        limitations = recorded or _limitations(cell_folder)
        found = {name: (str(answer["finding"]), _seen(answer)) for name, answer in limitations.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {name: answer for name, answer in found.items() if answer[0] not in _QUIET}


def _limitations(cell_folder: Path) -> Mapping[str, Any]:
    data = json.loads((cell_folder / PROBES_FILE).read_text(encoding="utf-8"))
    return data["limitations"] if data["schema"] == SCHEMA else {}


def _seen(answer: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {_one(probe)}" for name, probe in answer.get("probes", {}).items())


def _one(probe: Mapping[str, Any]) -> str:
    kinds, errno = probe.get("kinds", []), probe.get("errno", [])
    what = " ".join([*kinds[:1], *errno[:1]]) or str(probe["did"])
    return f"{what}: {probe['message']}" if probe.get("message") else what
