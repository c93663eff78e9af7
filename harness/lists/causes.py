"""The likely cause of a failure that no entry names. Pure; what it proposes, a person has to agree with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.expectations import Expectation, wildcard_of
from harness.limitations import Limitation, Registry
from harness.lists.evidence import TODO, Failure
from harness.matrix import Target

_REASON_LENGTH = 160


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A limitation and a reason; none and `TODO` where nothing is known."""

    limitation: str = ""
    reason: str = TODO


@dataclass(frozen=True, kw_only=True)
class Causes:
    """What the registry and the lists already say of failures."""

    registry: Registry
    siblings: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, registry: Registry, entries: Iterable[Expectation]) -> Causes:
        """Reads off the entries which limitation explains a signature for the cases of a class."""
        found: dict[tuple[str, str], set[str]] = {}
        for entry in entries:
            for test in entry.tests:
                for signature in entry.signature:
                    found.setdefault((wildcard_of(test), signature), set()).add(entry.limitation)
        known = {key: min(names) for key, names in found.items() if len(names) == 1 and all(names)}
        return cls(registry=registry, siblings=known)

    def propose(self, test: str, failure: Failure, signature: tuple[str, ...], targets: frozenset[Target]) -> Cause:
        """The limitation that explains the failure, by its patterns, or for the other cases of the class."""
        text = f"{failure.exception}: {failure.message}"
        by_pattern = [
            limitation.id
            for limitation in self.registry.limitations.values()
            if _speaks_of(limitation, targets) and any(re.search(pattern, text) for pattern in limitation.explains)
        ]
        named = {self.siblings.get((wildcard_of(test), name), "") for name in signature}
        by_sibling = [
            name
            for name in sorted(named)
            if name in self.registry.limitations and _speaks_of(self.registry.limitations[name], targets)
        ]
        proposed = (by_pattern or by_sibling)[:1]
        return Cause(limitation=proposed[0], reason=reason_of(failure)) if proposed and reason_of(failure) else Cause()


def _speaks_of(limitation: Limitation, targets: frozenset[Target]) -> bool:
    return targets <= set(limitation.targets)


def reason_of(failure: Failure) -> str:
    """One line that says how it fails: what a test prints besides may hold anything, and paths differ each time."""
    text = " ".join(f"{failure.exception}: {failure.message}".split()).strip(": ")
    text = "".join(character if character.isprintable() else "?" for character in text)
    text = re.sub(r"/tmp/[^\s'\"]+", "/tmp/...", text)
    return text if len(text) <= _REASON_LENGTH else text[: _REASON_LENGTH - 3] + "..."
