"""The modules that are never cut into parts: `whole_modules.toml`, next to this file."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError, Problem
from harness.util.toml_tables import TableReader, load_document

RULES_FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, kw_only=True)
class _Rule:
    module: str
    reason: str


@functools.cache
def whole_modules(path: Path = RULES_FILE) -> Mapping[str, str]:
    """The reason why each of these modules is not cut, by its name. ConfigError for mistakes in the file."""
    problems: list[Problem] = []
    reader = TableReader(load_document(path, path.name, problems), problems)
    reader.check_top_level({"whole"})
    tables = enumerate(reader.array("whole"))
    rules = [reader.read(_Rule, table, table="whole", index=index) for index, table in tables]
    if reader.problems:
        raise ConfigError(f"{path} has mistakes", problems=reader.problems)
    return {rule.module: rule.reason for rule in rules if rule}
