"""TOML tables turned into frozen dataclasses, with every mistake found and located.

A reader collects `Problem`s instead of raising at the first one, so that a file is fixed in one go.
`tomli` keeps no positions; `Document` finds a table's line again by counting its headers.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import tomli

from harness.errors import Problem, did_you_mean

T = TypeVar("T")

_STRINGS = re.compile(r'"""(?:\\.|[^\\])*?"""|' + r"'''.*?'''", re.DOTALL)
_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")


@dataclass(frozen=True)
class Document:
    """A parsed TOML file that still knows where its tables stand. `name` is the path shown to the user."""

    name: str
    data: Mapping[str, Any]
    lines: tuple[str, ...] = ()

    def line_of(self, table: str, index: int = 0, key: str = "") -> int:
        """The 1-based line of `key` in the `index`-th `[table]` or `[[table]]`, else that of the header.

        A table written as `table = ...` has the line of that assignment; 0 when there is neither.
        """
        found = self._headers.get(table, ())
        header = found[index] if index < len(found) else 0
        if not header:
            return self._assignment(table, 0)
        return (self._assignment(key, header) if key else 0) or header

    def _assignment(self, key: str, start: int) -> int:
        """The line of `key = ...` after line `start` and before the next header; 0 when there is none."""
        pattern = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""")
        for number in range(start, len(self.lines)):
            if _HEADER.match(self.lines[number]):
                break
            if pattern.match(self.lines[number]):
                return number + 1
        return 0

    @functools.cached_property
    def _headers(self) -> Mapping[str, Sequence[int]]:
        """The lines of every table's headers, found once: a list of expectations has thousands."""
        lines: dict[str, list[int]] = {}
        for number, line in enumerate(self.lines, 1):
            if "[" in line and (match := _HEADER.match(line)):
                lines.setdefault(match.group(1), []).append(number)
        return lines


def load_document(path: Path, name: str, problems: list[Problem]) -> Document:
    """The file's tables; an empty document, and a problem, when it cannot be read as TOML."""
    text = load_text(path, name, problems)
    return Document(name, {}) if text is None else parse_document(text, name, problems)


def load_text(path: Path, name: str, problems: list[Problem]) -> str | None:
    """The file's text; None, and a problem, when it cannot be read as UTF-8."""
    try:
        data = path.read_bytes()
        return data.decode("utf-8")
    except OSError as error:
        problems.append(Problem(file=name, message=f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        problems.append(Problem(file=name, line=line, message="is not UTF-8", suggestion="TOML files are UTF-8"))
    return None


def parse_document(text: str, name: str, problems: list[Problem]) -> Document:
    """The tables of a TOML text; an empty document, and a problem, when it is none."""
    try:
        data = tomli.loads(text)
    except (ValueError, RecursionError) as error:
        problems.append(Problem(file=name, line=_line_of(error, text), message=f"is not valid TOML: {error}"))
    else:
        return Document(name, data, tuple(blank_strings(text).split("\n")))
    return Document(name, {})


def _line_of(error: Exception, text: str) -> int:
    """The line that tomli names; the last one when it came to the end, the longest when a value was too much for
    it.
    """
    lines = text.split("\n")
    if found := re.search(r"at line (\d+)", str(error)):
        return int(found.group(1))
    if isinstance(error, tomli.TOMLDecodeError):
        return len(text.rstrip("\n").split("\n"))
    return max(range(len(lines)), key=lambda number: len(lines[number])) + 1


def blank_strings(text: str, filler: str = "") -> str:
    """The text with `filler` for each line of a multi-line string, so that a header inside one is not taken for a
    table.
    """
    return _STRINGS.sub(lambda match: "\n".join([filler] * (match.group().count("\n") + 1)), text)


class Mistake(NamedTuple):
    """What is wrong with a key of a table, and what may have been meant or is to be done."""

    key: str
    message: str
    suggestion: str = ""


@dataclass
class TableReader:
    """Reads the tables of one document, gathering problems."""

    document: Document
    problems: list[Problem] = field(default_factory=list)

    def problem(self, message: str, *, table: str = "", index: int = 0, key: str = "", suggestion: str = "") -> None:
        self.report([Mistake(key, message, suggestion)], table, index)

    def report(self, mistakes: Iterable[Mistake], table: str, index: int = 0, *, within: str = "") -> None:
        """Each mistake in the `index`-th of these tables becomes a problem with its line. `within` is the key of the
        inline table that has the mistakes' keys.
        """
        for key, message, suggestion in mistakes:
            line = self.document.line_of(table, index, within or key) if table else 0
            dotted = ".".join(part for part in (table, within, key) if part)
            self.problems.append(
                Problem(file=self.document.name, line=line, key=dotted, message=message, suggestion=suggestion)
            )

    def check_top_level(self, allowed: set[str]) -> None:
        """Reports every top-level key that is not one of `allowed`."""
        for key in self.document.data:
            if key not in allowed:
                self.problem("unknown table or key", table=key, suggestion=did_you_mean(key, allowed))

    def array(self, table: str) -> list[Mapping[str, Any]]:
        """The `[[table]]` entries; what is not an array of tables is a problem."""
        value = self.document.data.get(table, [])
        if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
            return value
        self.problem(f"must be an array of tables, [[{table}]]", table=table)
        return []

    def table(self, name: str) -> Mapping[str, Any]:
        """The `[name]` table; empty, and a problem, when it is something else."""
        value = self.document.data.get(name, {})
        if isinstance(value, dict):
            return value
        self.problem(f"must be a table, [{name}]", table=name)
        return {}

    def read(self, cls: type[T], data: Mapping[str, Any], *, table: str, index: int = 0) -> T | None:
        """`data` as a `cls`, or None after reporting each unknown, missing or ill-typed key."""
        before = len(self.problems)
        hints, required = _fields_of(cls)  # type: ignore[arg-type] # mypy takes a type variable for unhashable
        values: dict[str, Any] = {}
        for key, value in data.items():
            if key not in hints:
                self.problem("unknown key", table=table, index=index, key=key, suggestion=did_you_mean(key, hints))
            elif wrong := mismatch(value, hints[key]):
                self.problem(wrong[0], table=table, index=index, key=key, suggestion=wrong[1])
            else:
                values[key] = convert(value, hints[key])
        for name in required:
            if name not in data:
                self.problem(f"{name!r} is missing", table=table, index=index)
        return cls(**values) if len(self.problems) == before else None


@functools.cache
def _fields_of(cls: Any) -> tuple[Mapping[str, Any], Sequence[str]]:
    """The types of a dataclass's fields, and the names of those without a default."""
    hints = typing.get_type_hints(cls)
    fields = dataclasses.fields(cls)
    required = [
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    return {field.name: hints[field.name] for field in fields}, required


_NAMES: dict[Any, str] = {str: "a string", bool: "true or false", int: "a whole number", float: "a number"}


def mismatch(value: object, hint: Any) -> tuple[str, str] | None:
    """What is wrong with `value` for a field of type `hint`, and a suggestion; None when it fits."""
    hint = _strip_none(hint)
    if inner := _item_type(hint):
        if not isinstance(value, list):
            return f"must be a list, not {_describe(value)}", ""
        return next((wrong for entry in value if (wrong := mismatch(entry, inner))), None)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _enum_mismatch(value, _members(hint))
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be a finite number, not {value!r}", ""
    if type(value) is hint or (hint is float and type(value) is int):
        return None
    return f"must be {_NAMES.get(hint, str(hint))}, not {_describe(value)}", ""


@functools.cache
def _members(hint: type[StrEnum]) -> tuple[str, ...]:
    return tuple(str(member) for member in hint)


def _enum_mismatch(value: object, allowed: Sequence[str]) -> tuple[str, str] | None:
    if value in allowed:
        return None
    near = did_you_mean(value, allowed) if isinstance(value, str) else ""
    return f"must be one of {', '.join(allowed)}, not {value!r}", near


def convert(value: Any, hint: Any) -> Any:
    """`value`, already checked, in the type the field declares."""
    if type(value) is hint:
        return value
    hint = _strip_none(hint)
    if inner := _item_type(hint):
        return tuple([convert(entry, inner) for entry in value])
    if isinstance(hint, type) and issubclass(hint, StrEnum | float):
        return hint(value)
    return value


@functools.cache
def _item_type(hint: Any) -> Any:
    """The type of a tuple's items; None for what is no tuple."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else None


@functools.cache
def _strip_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(arg for arg in typing.get_args(hint) if arg is not type(None))
    return hint


def _describe(value: object) -> str:
    return f"{_NAMES.get(type(value), type(value).__name__)} ({value!r})"
