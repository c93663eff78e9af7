"""Edits a list as text, entry by entry, so that every byte outside of the edited entry stays the same. Pure.

tomlkit edits within an entry and keeps its comments. It parses only the entries that change, since it is slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import tomlkit
from tomlkit.items import Array, InlineTable

from harness.matrix.conditions import Condition, VersionRange
from harness.util.toml_tables import blank_strings

_HEADER = re.compile(r"\s*\[\[\s*expect\s*\]\]")


@dataclass(frozen=True, kw_only=True)
class Block:
    """The text of one entry, from the comment above it up to the next entry. `line` is the number of its header."""

    line: int
    text: str


@dataclass(frozen=True)
class ListText:
    """A list: the text before the first entry, and the entries."""

    head: str
    blocks: tuple[Block, ...]

    def __str__(self) -> str:
        return self.head + "".join(block.text for block in self.blocks)


@dataclass(frozen=True, kw_only=True)
class Fields:
    """The fields of an entry that the updater writes. A field that is None or empty is not written."""

    tests: tuple[str, ...]
    outcome: tuple[str, ...]
    signature: tuple[str, ...]
    when: Condition
    limitation: str = ""
    reason: str = ""


def lines_of(text: str) -> list[str]:
    """The lines with their ends. str.splitlines() also splits at characters that end no line in TOML and Python."""
    return [line for line in re.split(r"(?<=\n)", text) if line]


def split(text: str) -> ListText:
    """The list divided into its entries. A comment directly above an entry belongs to it."""
    lines = lines_of(text)
    visible = blank_strings(text).split("\n")
    headers = [number for number, line in enumerate(visible) if _HEADER.match(line)]
    starts = [_with_comment(visible, header) for header in headers]
    blocks = [
        Block(line=header + 1, text="".join(lines[start:end]))
        for header, start, end in zip(headers, starts, [*starts, len(lines)][1:], strict=True)
    ]
    return ListText("".join(lines[: starts[0]] if starts else lines), tuple(blocks))


def _with_comment(lines: Sequence[str], header: int) -> int:
    start = header
    while start and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    # A comment that begins at the top of the file is about the file and not about the entry.
    return header if start == 0 else start


def new_entry(fields: Fields) -> str:
    """The text of a new entry."""
    listed = "".join(f"    {_quoted(test)},\n" for test in fields.tests)
    tests = f"[{_quoted(fields.tests[0])}]" if len(fields.tests) == 1 else f"[\n{listed}]"
    lines = ["[[expect]]", f"tests = {tests}", f"outcome = {_one_or_more(fields.outcome)}"]
    if fields.limitation:
        lines.append(f"limitation = {_quoted(fields.limitation)}")
    lines.append(f"reason = {_quoted(fields.reason)}")
    if fields.signature:
        lines.append(f"signature = {_one_or_more(fields.signature)}")
    if fields.when.terms:
        lines.append(f"when = {_inline(_values(fields.when))}")
    return "\n".join(lines) + "\n"


def edited(text: str, fields: Fields) -> str:
    """The text of an entry with new tests, outcomes, signatures and condition, and otherwise unchanged."""
    text = text.replace("\r\n", "\n")
    body, tail = _without_tail(text)
    document = tomlkit.parse(body)
    table = cast(Any, document)["expect"][0]
    _edit_tests(table, fields.tests)
    for key, values in (("outcome", fields.outcome), ("signature", fields.signature)):
        _edit_words(table, key, values)
    _edit_when(table, fields.when)
    return tomlkit.dumps(document).rstrip("\n") + tail


def without_comment(text: str) -> str:
    """The text of an entry from its header on, for copies, which leave out the comment above it."""
    lines = lines_of(text)
    visible = blank_strings(text).split("\n")
    header = next(number for number, line in enumerate(visible) if _HEADER.match(line))
    return "".join(lines[header:])


def trimmed(text: str) -> str:
    """The text of an entry without the blank lines and comments after it."""
    return _without_tail(text)[0] + "\n"


def _without_tail(text: str) -> tuple[str, str]:
    """The text of the entry, and that of the blank lines and comments after it, which begins with a line break."""
    visible = blank_strings(text, "string").split("\n")
    last = max(number for number, line in enumerate(visible) if line.strip() and not line.lstrip().startswith("#"))
    lines = text.split("\n")
    return "\n".join(lines[: last + 1]), "".join(f"\n{line}" for line in lines[last + 1 :])


def _edit_tests(table: Any, tests: Sequence[str]) -> None:
    array = table["tests"]
    present = [str(test) for test in array]
    if present == list(tests):
        return
    if "#" not in array.as_string() or not isinstance(array, Array):
        fresh = tomlkit.array()
        fresh.extend(tests)
        table["tests"] = fresh.multiline(len(tests) > 1)
        return
    for test in present:
        if test not in tests:
            array.remove(test)
    for test in tests:
        if test not in present:
            array.append(test)


def _edit_words(table: Any, key: str, values: Sequence[str]) -> None:
    present = table.get(key, [])
    if ([str(present)] if isinstance(present, str) else [str(word) for word in present]) == list(values):
        return
    if not values:
        table.pop(key, None)
    else:
        table[key] = values[0] if len(values) == 1 else list(values)


def _edit_when(table: Any, when: Condition) -> None:
    wanted = _values(when)
    present: Mapping[str, Any] = table.get("when", {})
    if dict(present) == wanted:
        return
    if not wanted:
        del table["when"]
    elif "when" not in table or isinstance(present, InlineTable):
        in_order = {axis: wanted[axis] for axis in present if axis in wanted} | wanted
        table["when"] = tomlkit.value(_inline(in_order))
    else:
        for axis in [axis for axis in present if axis not in wanted]:
            del table["when"][axis]
        for axis, value in wanted.items():
            table["when"][axis] = value


def _values(when: Condition) -> dict[str, str | bool]:
    return {axis: wanted.text if isinstance(wanted, VersionRange) else wanted for axis, wanted in when.terms}


def _inline(values: Mapping[str, str | bool]) -> str:
    terms = (
        f"{axis} = {_quoted(value) if isinstance(value, str) else str(value).lower()}" for axis, value in values.items()
    )
    return f"{{ {', '.join(terms)} }}"


def _one_or_more(values: Sequence[str]) -> str:
    return _quoted(values[0]) if len(values) == 1 else f"[{', '.join(map(_quoted, values))}]"


def _quoted(text: str) -> str:
    return tomlkit.string(text).as_string()


def insert_sorted(listing: ListText, texts: Iterable[tuple[str, str]], first_tests: Sequence[str]) -> str:
    """The list with new entries, each inserted before the first entry whose first test sorts after its own. `texts` has
    for each new entry its first test and its text; `first_tests` are those of the existing entries.
    """
    parts: list[list[str]] = [[] for _ in range(len(listing.blocks) + 1)]
    for first, text in sorted(texts):
        place = next((index for index, other in enumerate(first_tests) if other > first), len(listing.blocks))
        parts[place].append(text)
    pieces = [listing.head]
    for index, new in enumerate(parts):
        pieces.extend(new)
        if index < len(listing.blocks):
            pieces.append(listing.blocks[index].text)
    return _spaced(pieces)


def _spaced(pieces: Iterable[str]) -> str:
    """The texts one after the other, with a blank line added between two of them where there is none."""
    result = ""
    for piece in pieces:
        if result and not result.endswith("\n\n"):
            result = result if result.endswith("\n") else result + "\n"
            result += "\n"
        result += piece
    return result if not result or result.endswith("\n") else result + "\n"
