"""Pyodide's own python_tests.yaml, changed line by line: what need not be left out goes, what fails here comes in, and
every other line stays as it is. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.curation.imports.formats import ForeignEntry
from harness.results.case_ids import dotted


@dataclass(frozen=True, kw_only=True)
class Addition:
    """What the list is to leave out: the cases of a pattern in a module, or the whole module where `pattern` is empty.
    `module` is the name that the list has for it, `why` becomes a comment or the reason of an `xfail`.
    """

    module: str
    pattern: str = ""
    why: str


def changed_list(
    text: str, data: Any, taken_out: Collection[ForeignEntry], added: Sequence[Addition], runtime: str = ""
) -> str:
    """The list with what is taken out and added. `data` is `text` as ruamel.yaml reads it, with its lines; `runtime` is
    that of an `xfail-RUNTIME` which can be taken out. What shares its line with others, or is in braces, stays.
    """
    text = text if text.endswith("\n") else f"{text}\n"
    lines: dict[int, list[str]] = {number: [line] for number, line in enumerate(text.splitlines(keepends=True))}
    for index, item in enumerate(data):
        names = [item] if isinstance(item, str) else list(item)
        start = data.lc.item(index)[0]
        for name in names:
            keys: Any = {} if isinstance(item, str) else item[name] or {}
            gone = {entry.pattern for entry in taken_out if entry.module == dotted(name)}
            new = [addition for addition in added if addition.module == name]
            if (gone or new) and not (keys and keys.fa.flow_style()):
                _change(lines, start, keys, gone, new, failing=("xfail", f"xfail-{runtime}"))
    return "".join(line for number in sorted(lines) for line in lines[number])


def _change(
    lines: dict[int, list[str]],
    start: int,
    keys: Any,
    gone: Collection[str],
    new: Sequence[Addition],
    *,
    failing: Sequence[str],
) -> None:
    """Changes the lines of one module, whose name is in the line `start`. `failing` are the keys that leave it out."""
    reasons = [name for name in failing if name in keys and "" in gone]
    for key in reasons:
        _drop(lines, *keys.lc.key(key))
    left = len(keys) - len(reasons)
    patterns = [str(addition.pattern) for addition in new if addition.pattern]
    skip: Any = keys.get("skip") if keys else None
    if skip and not isinstance(skip, str):
        places = {number: skip.lc.item(number)[0] for number in range(len(skip))}
        alone = len(set(places.values())) == len(places) and keys.lc.key("skip")[0] not in places.values()
        removed = [number for number, pattern in enumerate(skip) if alone and str(pattern) in gone]
        for number in removed:
            lines[places[number]] = []
        if len(removed) == len(skip) and not patterns:
            for number in range(keys.lc.key("skip")[0], max(places.values()) + 1):
                lines[number] = []
            left -= 1
        elif patterns and alone:
            column = skip.lc.item(0)[1] - len("- ")
            lines[max(places.values())] += _patterns(new, " " * max(column, 0))
    elif patterns and skip is None:
        _open(lines, start)
        lines[start] += ["    skip:\n", *_patterns(new, " " * 6)]
        left += 1
    if whole := next((addition for addition in new if not addition.pattern), None):
        _open(lines, start)
        lines[start] += [f"    xfail: {json.dumps(whole.why, ensure_ascii=False)}\n"]
        left += 1
    if keys and not left:
        lines[start] = [re.sub(r":(\s*(?:#.*)?)$", r"\1", lines[start][0]), *lines[start][1:]]


def _drop(lines: dict[int, list[str]], number: int, column: int) -> None:
    """Takes out what begins in that line and column, and may go on in lines that are indented further."""
    lines[number] = []
    while (number := number + 1) in lines and re.match(rf" {{{column + 1},}}\S", "".join(lines[number])):
        lines[number] = []


def _open(lines: dict[int, list[str]], start: int) -> None:
    """Makes `- test_x` the key of what is said of it."""
    first = lines[start][0]
    if not re.match(r"- [^#]*:\s*(#.*)?$", first):
        lines[start][0] = re.sub(r"^(- [\w.]+)", r"\1:", first)


def _patterns(new: Sequence[Addition], indent: str) -> list[str]:
    """A line for each pattern, and above it why, once for those that share it."""
    found, last = [], ""
    for addition in new:
        if addition.pattern:
            if addition.why != last:
                last = addition.why
                found.append(f"{indent}# {last}\n")
            plain = re.fullmatch(r"[A-Za-z_][\w.]*", addition.pattern)
            found.append(f"{indent}- {addition.pattern if plain else json.dumps(addition.pattern)}\n")
    return found


def lacking(expected: Mapping[str, str], known: Sequence[ForeignEntry], modules: Collection[str]) -> dict[str, str]:
    """The module, by the list's own name, of each test in `expected` that the list does not leave out. `expected` has
    the dotted id of a case or a module and its pattern; a test of a module that the list does not have is left out.
    """
    found = {}
    for test in expected:
        owner = max((name for name in modules if f"{test}.".startswith(f"{dotted(name)}.")), key=len, default="")
        entries = [entry for entry in known if entry.module == dotted(owner)]
        covered = any(entry.matches(test) if entry.pattern else True for entry in entries)
        if owner and not covered:
            found[test] = owner
    return found
