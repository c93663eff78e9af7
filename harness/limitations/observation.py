"""What a probe did, and what that means for a statement of the documentation. Pure.

A probe tries what the documentation says does not work. A limitation's `fails` says how it fails, in these words:

- `missing`: the function or module does not exist
- `no-effect`: the call comes back and has done nothing
- `error`: any exception
- an exception's name, with or without the name of an errno: `RuntimeError`, `OSError ENOSYS`
- `crash`: the interpreter ends in the attempt
- `timeout`: the attempt never ends
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_MISSING = frozenset({"ImportError", "AttributeError"})


class Did(StrEnum):
    """What became of the attempt."""

    WORKS = "works"
    ERROR = "error"
    NO_EFFECT = "no-effect"
    CRASH = "crash"
    TIMEOUT = "timeout"
    NOT_APPLICABLE = "not-applicable"


class Finding(StrEnum):
    """What the attempt says of the statement."""

    HOLDS = "holds"
    LIFTED = "lifted"
    DIFFERS = "differs"
    CRASH = "crash"
    TIMEOUT = "timeout"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one probe did. For an ERROR: `kinds` are the exception's classes, its own first, `errno` the names of its
    number, `line` the line of source where it was raised. `message` is the exception's text, the trap, or why there is
    nothing to say. `reached` is false for a crash in the probe's preparations, before the attempt.
    """

    probe: str
    did: Did
    kinds: tuple[str, ...] = ()
    errno: tuple[str, ...] = ()
    message: str = ""
    line: str = ""
    seconds: float = 0.0
    reached: bool = True

    @property
    def is_missing(self) -> bool:
        return self.did is Did.ERROR and bool(_MISSING & set(self.kinds))

    def __str__(self) -> str:
        kind = " ".join((self.kinds[0], *self.errno[:1])) if self.kinds else self.did.value
        where = "" if self.reached else " in its preparations"
        return f"{kind}{where}: {self.message}" if self.message else kind + where

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"did": self.did.value, "seconds": round(self.seconds, 3)}
        optional = {"kinds": list(self.kinds), "errno": list(self.errno), "message": self.message, "line": self.line}
        data |= {key: value for key, value in optional.items() if value}
        return data if self.reached else data | {"reached": False}

    @classmethod
    def from_json(cls, probe: str, data: Mapping[str, Any]) -> Observation:
        return cls(
            probe=probe,
            did=Did(data["did"]),
            kinds=tuple(data.get("kinds", ())),
            errno=tuple(data.get("errno", ())),
            message=data.get("message", ""),
            line=data.get("line", ""),
            seconds=data["seconds"],
            reached=data.get("reached", True),
        )


def judge_observation(observation: Observation, fails: Sequence[str]) -> Finding:
    """What one observation says of a statement that documents the failures `fails`."""
    if observation.did in _SAID:
        return _SAID[observation.did]
    if any(_is_documented(observation, failure) for failure in fails):
        return Finding.HOLDS
    return _UNDOCUMENTED.get(observation.did, Finding.DIFFERS)


_SAID = {Did.WORKS: Finding.LIFTED, Did.NOT_APPLICABLE: Finding.NOT_APPLICABLE}
_UNDOCUMENTED = {Did.CRASH: Finding.CRASH, Did.TIMEOUT: Finding.TIMEOUT}


def _is_documented(observation: Observation, failure: str) -> bool:
    if observation.did is not Did.ERROR:
        return failure == observation.did.value and observation.reached
    if failure == "missing":
        return observation.is_missing
    kind, _, number = failure.partition(" ")
    named = kind in observation.kinds and (not number or number in observation.errno)
    return failure == "error" or named


def combine(findings: Sequence[Finding]) -> Finding:
    """The finding of a statement from those of its probes: a crash before all; then what all of them agree on.

    Where some of what the statement names works and the rest does not, the statement `differs`.
    """
    for worst in (Finding.CRASH, Finding.TIMEOUT):
        if worst in findings:
            return worst
    said = {finding for finding in findings if finding is not Finding.NOT_APPLICABLE}
    if not said:
        return Finding.NOT_APPLICABLE
    return said.pop() if len(said) == 1 else Finding.DIFFERS
