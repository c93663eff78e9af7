"""The file of pins as text: a new table goes to its place, and every other byte stays. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import tomlkit
from packaging.version import InvalidVersion, Version
from tomlkit.items import Array

from harness.util.toml_tables import blank_strings

Value = str | Sequence[str]
_HEADER = re.compile(r"\s*\[\[?\s*([\w-]+)\s*\]\]?\s*(?:#.*)?$")
_PAIR = re.compile(r'\s*(name|version)\s*=\s*"([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class NewTable:
    """A table to be written: `[[table]]`, or `[table]` when there is only one, with these values under its comment."""

    table: str
    values: Mapping[str, Value]
    comment: str = ""
    only: bool = False


@dataclass(frozen=True, kw_only=True)
class _Block:
    """A table of the file: its lines are those from `start` (with the comment directly above) to before `end`, which
    follows its last value.
    """

    table: str
    name: str
    version: str
    start: int
    end: int


def with_table(text: str, new: NewTable) -> str:
    """The text with a new table: behind the last one of its kind and name that has a lower version, else before the
    first one of them, else at the end.
    """
    lines = text.split("\n")
    name = str(new.values.get("name", ""))
    kin = [block for block in _blocks(lines, text) if (block.table, block.name) == (new.table, name)]
    lower = [block for block in kin if _key(block.version) <= _key(str(new.values.get("version", "")))]
    body = [f"# {line}" for line in new.comment.splitlines()]
    body += [f"[{new.table}]" if new.only else f"[[{new.table}]]"]
    body += [f"{key} = {_toml(value)}" for key, value in new.values.items()]
    if lower:
        lines[lower[-1].end : lower[-1].end] = ["", *body]
    elif kin:
        lines[kin[0].start : kin[0].start] = [*body, ""]
    else:
        while lines and not lines[-1].strip():
            lines.pop()
        lines += [*([""] if lines else []), *body, ""]
    return "\n".join(lines)


def with_emsdk(text: str, url: str, commit: str) -> str:
    """The text with that commit in its table [emsdk]; with such a table at its end when it has none."""
    lines = text.split("\n")
    block = next((block for block in _blocks(lines, text) if block.table == "emsdk"), None)
    if block is None:
        return with_table(text, NewTable(table="emsdk", values={"url": url, "commit": commit}, only=True))
    for number in range(block.start, block.end):
        lines[number] = re.sub(r'^(\s*commit\s*=\s*)"[^"]*"', rf"\g<1>{_toml(commit)}", lines[number])
    return "\n".join(lines)


def _key(version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion:
        return Version("0")


def _blocks(lines: Sequence[str], text: str) -> list[_Block]:
    """The tables of the file in their order."""
    visible = blank_strings(text, "string").split("\n")
    headers = [(number, found[1]) for number, line in enumerate(visible) if (found := _HEADER.match(line))]
    ends = [*(number for number, _ in headers), len(lines)][1:]
    return [_block(lines, name, number, end) for (number, name), end in zip(headers, ends, strict=True)]


def _block(lines: Sequence[str], table: str, header: int, limit: int) -> _Block:
    start, end = header, limit
    while start and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    while end > header + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    pairs = {found[1]: found[2] for line in lines[header:end] if (found := _PAIR.match(line))}
    return _Block(table=table, name=pairs.get("name", ""), version=pairs.get("version", ""), start=start, end=end)


def _toml(value: Value) -> str:
    if isinstance(value, str):
        return tomlkit.string(value).as_string()
    if sum(map(len, value)) < 80:
        return tomlkit.item(list(value)).as_string()
    array: Array = tomlkit.array()
    for entry in value:
        array.add_line(entry, indent="  ")
    array.add_line(indent="")
    return array.as_string()
