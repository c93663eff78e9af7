"""What the probes of one cell found, and how that is written down: probes.json, next to the cell's results.json.

Pure but for the file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import ConfigError
from harness.limitations.observation import Finding, Observation, combine, judge_observation
from harness.limitations.registry import Limitation, Registry
from harness.matrix.conditions import Facts
from harness.results.cell_results import load_results, write_results
from harness.util.files import write_atomically

PROBES_SCHEMA = 1
PROBES_FILE = "probes.json"


@dataclass(frozen=True, kw_only=True)
class ProbeAnswer:
    """What was found of one limitation. `observations` are those of its probes, in their order; `reason` says why there
    are none.
    """

    limitation: str
    finding: Finding
    observations: tuple[Observation, ...] = ()
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"finding": self.finding.value}
        if self.observations:
            data["probes"] = {observation.probe: observation.to_json() for observation in self.observations}
        return data | ({"reason": self.reason} if self.reason else {})

    @classmethod
    def from_json(cls, limitation: str, data: Mapping[str, Any]) -> ProbeAnswer:
        return cls(
            limitation=limitation,
            finding=Finding(data["finding"]),
            observations=tuple(Observation.from_json(name, value) for name, value in data.get("probes", {}).items()),
            reason=data.get("reason", ""),
        )


@dataclass(frozen=True, kw_only=True)
class CellProbes:
    """The answers of one cell, by limitation. `tested` says which interpreter gave them: python, toolchain, engine."""

    cell: str
    tested: Mapping[str, str]
    answers: Mapping[str, ProbeAnswer]

    def counts(self) -> Counter[Finding]:
        return Counter(answer.finding for answer in self.answers.values())

    def to_json(self) -> dict[str, Any]:
        limitations = {name: answer.to_json() for name, answer in self.answers.items()}
        return {"schema": PROBES_SCHEMA, "cell": self.cell, "tested": dict(self.tested), "limitations": limitations}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CellProbes:
        """KeyError, TypeError or ValueError for what is no probes.json of this schema."""
        if data["schema"] != PROBES_SCHEMA:
            raise ValueError(f"schema {data['schema']!r}, and this harness reads {PROBES_SCHEMA}")
        answers = {name: ProbeAnswer.from_json(name, value) for name, value in data["limitations"].items()}
        return cls(cell=data["cell"], tested=data["tested"], answers=answers)


def probes_for(registry: Registry, facts: Facts) -> tuple[str, ...]:
    """The probes that a cell with these facts needs, each once."""
    wanted = (item.probes for item in registry.limitations.values() if item.holds_for(facts))
    return tuple(dict.fromkeys(probe for probes in wanted for probe in probes))


def answer_all(registry: Registry, facts: Facts, observed: Mapping[str, Observation]) -> dict[str, ProbeAnswer]:
    """An answer for every limitation; `observed` has at least the observations of `probes_for`, and those of the web
    example's page where that was tried.
    """
    return {name: _answer(item, facts, observed) for name, item in registry.limitations.items()}


def _answer(limitation: Limitation, facts: Facts, observed: Mapping[str, Observation]) -> ProbeAnswer:
    reason = ""
    if facts.get("target") not in limitation.targets:
        reason = f"documented for {' and '.join(limitation.targets)}"
    elif not limitation.when.holds(facts):
        reason = f"documented where {limitation.when}"
    if reason:
        return ProbeAnswer(limitation=limitation.id, finding=Finding.NOT_APPLICABLE, reason=reason)
    in_page = (probe for probe in limitation.page_probes if probe in observed)
    observations = tuple(observed[probe] for probe in (*limitation.probes, *in_page))
    if not observations:
        tried = "`probe --web-example` tries it, in Chromium" if limitation.page_probes else "it has no probe"
        reason = limitation.unprobed or tried
        return ProbeAnswer(limitation=limitation.id, finding=Finding.NOT_APPLICABLE, reason=reason)
    finding = combine([judge_observation(observation, limitation.fails) for observation in observations])
    return ProbeAnswer(limitation=limitation.id, finding=finding, observations=observations)


def write_probes(folder: Path, probes: CellProbes) -> None:
    """Writes the probes.json of a cell's folder, and puts the answers into its results.json where there is one."""
    data = probes.to_json()
    write_atomically(folder / PROBES_FILE, json.dumps(data, indent=1) + "\n")
    results = folder / "results.json"
    if results.exists():
        write_results(results, msgspec.structs.replace(load_results(results), probes=data["limitations"]))


def load_probes(run_folder: Path) -> tuple[CellProbes, ...]:
    """The probes of every cell in a run's folder, by name. ConfigError for a file that cannot be read as such."""
    found = []
    for path in sorted(run_folder.glob(f"*/{PROBES_FILE}")):
        try:
            found.append(CellProbes.from_json(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"{path} holds no results of probes ({type(error).__name__}: {error})"
            raise ConfigError(message, hint="run the probes of that cell again") from error
    return tuple(found)


_QUIET = frozenset({"not applicable"})


def read_probes(cell_folder: Path, recorded: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """By limitation: the finding and what was seen; empty where there are no probes, or none of our schema. `recorded`
    are those in results.json: the file may be of a later day.
    """
    try:
        limitations = recorded
        if not limitations:
            data = json.loads((cell_folder / PROBES_FILE).read_text(encoding="utf-8"))
            limitations = data["limitations"] if data["schema"] == PROBES_SCHEMA else {}
        found = {}
        for name, answer in limitations.items():
            seen = "; ".join(f"{probe}: {_one(did)}" for probe, did in answer.get("probes", {}).items())
            found[name] = (str(answer["finding"]), seen)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {name: answer for name, answer in found.items() if answer[0] not in _QUIET}


def _one(probe: Mapping[str, Any]) -> str:
    kinds, errno = probe.get("kinds", []), probe.get("errno", [])
    what = " ".join([*kinds[:1], *errno[:1]]) or str(probe["did"])
    return f"{what}: {probe['message']}" if probe.get("message") else what
