"""Entries as skips in CPython's own source: the patch that someone might send upstream. Pure.

A skip can say only what an interpreter knows of itself. What else an entry's condition names is left out, and listed.
"""

from __future__ import annotations

import ast
import difflib
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.curation.update.toml_text import lines_of
from harness.expectations.entries import Expectation
from harness.matrix.conditions import Condition, VersionRange
from harness.results.case_ids import FIXTURE, subject_of

_FLAGS = {"pydebug": "support.Py_DEBUG", "pthreads": "support.can_start_thread"}
_IMPORTS = {"unittest": "import unittest", "support": "from test import support", "sys": "import sys"}
# The target stands at the beginning; and a source has one version of Python.
_SAID = frozenset({"target", "python"})
# `runtime` is `Node.js/24` under Node, or `Node.js v20...`, and in a browser its user agent.
_ENGINES = {"node": 'sys._emscripten_info.runtime.startswith("Node.js")'}
# PEP 8, which CPython's own files follow.
_COLUMNS = 79
_OPERATORS = frozenset({"<", "<=", ">", ">="})


@dataclass(kw_only=True)
class SkipPatch:
    """The patch, what of the conditions it leaves out, and what is to be said of single tests."""

    text: str = ""
    left_out: tuple[str, ...] = ()
    remarks: dict[str, str] = field(default_factory=dict)


def skip_patch(entries: Sequence[Expectation], read: Callable[[str], str | None]) -> SkipPatch:
    """The skips for all tests of the entries, as one patch. `read` gives the text of a file of CPython's source, or
    None.
    """
    found = SkipPatch()
    texts: dict[str, str] = {}
    for entry in entries:
        condition, left_out = condition_in_python(entry.when)
        found.left_out += tuple(axis for axis in left_out if axis not in found.left_out)
        by_file: dict[str, list[tuple[str, ...]]] = {}
        for test in entry.tests:
            place = _place_of(test, read)
            if place is None:
                found.remarks[test] = "has no file of that name, or none in UTF-8"
            else:
                by_file.setdefault(place[0], []).append(place[1])
        for file, names in by_file.items():
            module = file.removeprefix("Lib/").removesuffix(".py").replace("/", ".")
            try:
                texts[file], remarks = _with_skips(texts.get(file) or read(file) or "", names, condition, entry.reason)
            except SyntaxError:
                remarks = dict.fromkeys(names, "is in a file whose syntax is newer than that of this Python")
            for name, why in remarks.items():
                found.remarks[".".join((module, *name))] = why
    for file, after in sorted(texts.items()):
        lines = difflib.unified_diff(lines_of(read(file) or ""), lines_of(after), f"a/{file}", f"b/{file}")
        found.text += "".join(lines)
    return found


def condition_in_python(when: Condition) -> tuple[str, tuple[str, ...]]:
    """The condition as an expression of CPython's test suite, and the terms that it cannot say."""
    targets = " or ".join(target.traits.support_flag for target in sorted(when.targets))
    parts = [targets]
    left_out: list[str] = []
    for axis, wanted in when.terms:
        if axis in _FLAGS:
            parts.append(_FLAGS[axis] if wanted else f"not {_FLAGS[axis]}")
        elif axis == "emscripten" and isinstance(wanted, VersionRange) and _is_ordered(wanted):
            # A tuple of three.
            version = "sys._emscripten_info.emscripten_version"
            ordered = sorted(wanted.specifiers, key=str, reverse=True)
            parts += [f"{version} {one.operator} {tuple(map(int, one.version.split('.')))}" for one in ordered]
        elif axis == "engine" and wanted in _ENGINES:
            parts.append(_ENGINES[str(wanted)])
        elif axis not in _SAID and not _is_implied(axis, wanted, when):
            left_out.append(axis)
    if len(parts) > 1 and " or " in targets:
        parts[0] = f"({targets})"
    return " and ".join(parts), tuple(left_out)


def _is_implied(axis: str, wanted: object, when: Condition) -> bool:
    """Whether the targets of the condition have that engine alone."""
    engines = {engine for target in when.targets for engine in target.traits.engines}
    return axis == "engine" and engines == {wanted}


def _is_ordered(wanted: VersionRange) -> bool:
    return all(
        specifier.operator in _OPERATORS and specifier.version.replace(".", "").isdigit()
        for specifier in wanted.specifiers
    )


def _place_of(test: str, read: Callable[[str], str | None]) -> tuple[str, tuple[str, ...]] | None:
    """The file that defines what an id of a list stands for, and the names within it; none for the module itself."""
    parts = subject_of(test).split(".")
    if FIXTURE.fullmatch(test) and test.startswith("after ("):
        return None
    for end in range(len(parts), 1, -1):
        file = f"Lib/{'/'.join(parts[:end])}.py"
        if read(file) is not None:
            return file, tuple(parts[end:])
    return None


def _with_skips(
    text: str, names: Sequence[tuple[str, ...]], condition: str, reason: str
) -> tuple[str, Mapping[tuple[str, ...], str]]:
    """The text with a skip for each name, and what is to be said of some of them."""
    tree = ast.parse(text)
    remarks: dict[tuple[str, ...], str] = {}
    edits: dict[int, str] = {}
    for name in dict.fromkeys(names):
        if not name:
            call = "    raise unittest.SkipTest("
            edits[_end_of_imports(tree)] = f"\nif {condition}:\n{call}{_quoted(reason, len(call))})\n"
            continue
        node = _find(tree, name)
        if node is None and (node := _inherited(tree, name)):
            remarks[name] = "is inherited: the skip stands where it is defined, for all that inherit it"
        if node is None:
            remarks[name] = "is not defined in its file: it comes from another one, or is made while the tests run"
            continue
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        call = f"{' ' * node.col_offset}@unittest.skipIf("
        edits[first - 1] = f"{call}{condition},\n{' ' * len(call)}{_quoted(reason, len(call))})\n"
    if not edits:
        return text, remarks
    needed = {"unittest", *(name for name in ("support", "sys") if f"{name}." in condition)}
    imports = "".join(f"{_IMPORTS[name]}\n" for name in sorted(needed - _bound(tree)))
    edits[_end_of_imports(tree)] = imports + edits.get(_end_of_imports(tree), "")
    lines = lines_of(text)
    for line in sorted(edits, reverse=True):
        lines.insert(line, edits[line])
    return "".join(lines), remarks


def _quoted(reason: str, column: int) -> str:
    """The reason as string literals, one a line from that column on, that end within CPython's 79 columns."""
    width = _COLUMNS - column - len('" ")')
    lines = textwrap.wrap(reason, width, break_long_words=False, break_on_hyphens=False)
    literals = [json.dumps(f"{line} ", ensure_ascii=False) for line in lines[:-1]]
    return f"\n{' ' * column}".join([*literals, json.dumps(lines[-1], ensure_ascii=False)])


_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _find(tree: ast.AST, names: Sequence[str]) -> _Definition | None:
    """The class or function of that name; the last one, which is the one that counts."""
    node: ast.AST = tree
    for name in names:
        inner = [
            child
            for child in ast.walk(node)
            if isinstance(child, _Definition) and child.name == name and _is_direct(node, child)
        ]
        if not inner:
            return None
        node = inner[-1]
    return node if isinstance(node, _Definition) else None


def _inherited(tree: ast.Module, names: Sequence[str]) -> _Definition | None:
    """The method of that name in the nearest base of its class that the same file defines."""
    owner = _find(tree, names[:-1]) if len(names) > 1 else None
    for base in owner.bases if isinstance(owner, ast.ClassDef) else ():
        if isinstance(base, ast.Name) and base.id != names[-2]:
            name = (base.id, names[-1])
            if node := _find(tree, name) or _inherited(tree, name):
                return node
    return None


def _is_direct(outer: ast.AST, inner: ast.AST) -> bool:
    """Whether `inner` stands in the body of `outer`, be it under an `if` or a `try`."""
    for child in ast.iter_child_nodes(outer):
        if child is inner:
            return True
        if not isinstance(child, _Definition) and _is_direct(child, inner):
            return True
    return False


def _end_of_imports(tree: ast.Module) -> int:
    """The number of lines up to the end of the last import before the first definition."""
    end = 0
    for node in tree.body:
        if isinstance(node, _Definition):
            break
        if isinstance(node, ast.Import | ast.ImportFrom):
            end = node.end_lineno or end
    return end


def _bound(tree: ast.Module) -> set[str]:
    """The names that the module's own imports bind."""
    return {
        (alias.asname or alias.name).partition(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
