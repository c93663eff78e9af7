"""stack.json: how much of the engine's stack each case of a cell needs, as `python -m harness stack` measured it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.errors import ConfigError
from harness.results.outcomes import Outcome, Record
from harness.util.files import write_atomically
from harness.util.json_text import decode_json, encode_json

STACK_FILE = "stack.json"
STACK_SCHEMA = 1
# Three measures of one build agree within 5 %: less is no growth.
GROWTH = 1.05


class StackNeed(Record, frozen=True, kw_only=True):
    """How many bytes of stack a case needs to do what it does with plenty; None when the most that was tried is not
    enough. `outcome` is what it does then, `signature` that of a failure.
    """

    module: str
    needs: int | None
    outcome: Outcome
    signature: str = ""


class StackNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """The needs of a cell's cases. `engine` is its runtime with its version; `usual` are the bytes of stack of a guest
    in a run, `most` the most that was tried.
    """

    cell: str
    engine: str
    usual: int
    most: int
    cases: Mapping[str, StackNeed]
    schema: int = STACK_SCHEMA


@dataclass(frozen=True, kw_only=True)
class Growth:
    """A case that needs more than before; None where the most that was tried is not enough."""

    case: str
    before: int
    after: int | None

    def __str__(self) -> str:
        return f"{self.case}: needs {mebibytes(self.after)} of stack, {mebibytes(self.before)} before"


def write_needs(folder: Path, found: StackNeeds) -> None:
    """Writes stack.json into the cell's folder of a run, in one step."""
    write_atomically(folder / STACK_FILE, encode_json(found, indent=1) + "\n")


def load_needs(folder: Path) -> StackNeeds | None:
    """What stack.json in a cell's folder has; None where there is none. ConfigError when it cannot be read."""
    path = folder / STACK_FILE
    try:
        found = decode_json(path.read_bytes(), StackNeeds)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.ValidationError, json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}", hint="measure once more: python -m harness stack"
        ) from error
    if found.schema != STACK_SCHEMA:
        raise ConfigError(
            f"{path} has schema {found.schema}: this harness reads schema {STACK_SCHEMA}", hint="measure once more"
        )
    return found


def grown(before: StackNeeds, after: StackNeeds) -> Iterator[Growth]:
    """The cases that need more stack than before, the largest needs first."""
    found = (
        Growth(case=case, before=old.needs, after=new.needs)
        for case, new in after.cases.items()
        if (old := before.cases.get(case)) and old.needs is not None and has_grown(old.needs, new.needs)
    )
    yield from sorted(found, key=lambda each: (each.after is not None, -(each.after or 0), each.case))


def has_grown(before: int, after: int | None) -> bool:
    """Whether a need is greater than before, by more than measures differ."""
    return after is None or after > before * GROWTH


def mebibytes(needs: int | None) -> str:
    """`1.42 MiB`; a need that nothing satisfies is `more than was tried`."""
    return "more than was tried" if needs is None else f"{needs / (1 << 20):.2f} MiB"
