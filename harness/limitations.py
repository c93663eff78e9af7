"""The registry of platform limitations: one entry per statement of the documentation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import ConfigError, Problem
from harness.matrix import Target
from harness.tables import TableReader, load_document

REGISTRY_FILE = "limitations.toml"
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
URL = re.compile(r"https://[^\s/]+/\S+")


@dataclass(frozen=True, kw_only=True)
class Limitation:
    """One documented statement about the platform.

    `source` is the address of the statement, with revision and heading. `targets` says where it holds.
    `needs` names what a test must need to be hit by it, in the words of CPython's `test.support`:
    `subprocess`, `fork`. `explains` are patterns of failures that are most likely due to it: regular expressions,
    searched for in `<exception>: <message>`. The updater proposes the limitation for them.
    """

    id: str
    section: str
    statement: str
    source: str
    targets: tuple[Target, ...]
    needs: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()


@dataclass(frozen=True)
class Registry:
    """All limitations by id, in the order of the file; `places` has the file and line of each."""

    limitations: Mapping[str, Limitation]
    places: Mapping[str, str] = field(default_factory=dict)


def load_registry(path: Path) -> Registry:
    """The limitations of the file `path`. ConfigError lists all its mistakes at once."""
    problems: list[Problem] = []
    reader = TableReader(load_document(path, f"{path.parent.name}/{path.name}", problems), problems)
    reader.check_top_level({"limitation"})
    found: dict[str, Limitation] = {}
    places: dict[str, str] = {}
    for index, data in enumerate(reader.array("limitation")):
        limitation = reader.read(Limitation, data, table="limitation", index=index)
        if limitation is None:
            continue
        for key, message in _mistakes(limitation, found):
            reader.problem(message, table="limitation", index=index, key=key)
        found.setdefault(limitation.id, limitation)
        places.setdefault(limitation.id, f"{reader.document.name}:{reader.document.line_of('limitation', index)}")
    if problems:
        raise ConfigError("the registry of limitations has mistakes:", problems=problems)
    return Registry(found, places)


def _mistakes(limitation: Limitation, before: Mapping[str, Limitation]) -> list[tuple[str, str]]:
    checks = {
        "id": (
            ("must be lower-case words with hyphens between", not _ID.fullmatch(limitation.id)),
            ("stands already in this file", limitation.id in before),
        ),
        "section": (("must not be empty", not limitation.section.strip()),),
        "statement": (("must not be empty", not limitation.statement.strip()),),
        "source": (("must be an https address with a heading (#...)", not _is_heading(limitation.source)),),
        "targets": (
            ("must name at least one target", not limitation.targets),
            ("names a target twice", len(set(limitation.targets)) < len(limitation.targets)),
        ),
        "needs": (("must not hold empty strings", not all(need.strip() for need in limitation.needs)),),
        "explains": (("must hold regular expressions", not all(map(_is_pattern, limitation.explains))),),
    }
    return [(key, message) for key, rows in checks.items() for message, wrong in rows if wrong]


def _is_pattern(text: str) -> bool:
    try:
        return bool(text.strip() and re.compile(text))
    except re.error:
        return False


def _is_heading(source: str) -> bool:
    return bool(URL.fullmatch(source)) and "#" in source.rstrip("#")
