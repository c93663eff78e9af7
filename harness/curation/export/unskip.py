"""Skips that are no longer needed, taken out of CPython's own test files: the patch that someone might send. Pure.

Only a decorator that asks for the platform by its name is touched, such as `@unittest.skipIf(is_emscripten, ...)`. One
that asks for something else, such as `@support.requires_fork()`, is needed on other platforms too.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.curation.update.toml_text import lines_of
from harness.targets import Target

# What a test file calls a platform, with or without `support.` before it.
_NAMES = {"is_emscripten": Target.EMSCRIPTEN, "is_wasi": Target.WASI}
_DECORATORS = {"skip_emscripten_stack_overflow": Target.EMSCRIPTEN, "skip_wasi_stack_overflow": Target.WASI}


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A case that was skipped for this reason on a target, and whether it passed there behind open gates."""

    case: str
    target: Target
    reason: str
    passed: bool


@dataclass(kw_only=True)
class UnskipPatch:
    """The patch, how many decorators it takes out or makes narrower, of how many cases the source has no file, and the
    files whose syntax is newer than that of the Python that we are.
    """

    text: str = ""
    removed: int = 0
    homeless: int = 0
    unread: tuple[str, ...] = ()


def unskip_patch(tried: Sequence[Tried], read: Callable[[str], str | None]) -> UnskipPatch:
    """The patch that lets every case run which passed wherever it was tried. `read` gives the text of a file of
    CPython's source, or None. A decorator stays when one of the cases that it skips did not pass.
    """
    found = UnskipPatch()
    by_file: dict[str, list[Tried]] = {}
    for each in tried:
        by_file.setdefault(_file_of(each.case, read), []).append(each)
    found.homeless = len(by_file.pop("", ()))
    for file, cases in sorted(by_file.items()):
        if not any(each.passed for each in cases):
            continue
        before = read(file) or ""
        try:
            after, removed = without_skips(before, cases)
        except SyntaxError:
            found.unread += (file,)
            continue
        found.removed += removed
        lines = difflib.unified_diff(lines_of(before), lines_of(after), f"a/{file}", f"b/{file}")
        found.text += "".join(lines)
    return found


def _file_of(case: str, read: Callable[[str], str | None]) -> str:
    """The file in which the class of a case is; empty where the source has none of that name."""
    parts = case.split(".")[:-2]
    files = (f"Lib/{'/'.join(parts)}{end}" for end in (".py", "/__init__.py"))
    return next((file for file in files if read(file) is not None), "")


def without_skips(text: str, tried: Iterable[Tried]) -> tuple[str, int]:
    """The text of a test file without the skips that the cases do not need, and how many decorators that changed."""
    tree = ast.parse(text)
    tried = list(tried)
    lines = lines_of(text)
    changed = 0
    # From the last line to the first: those before stay where they are.
    for decorator, cases in sorted(_skips(tree, tried), key=lambda skip: -skip[0].lineno):
        passing = {
            target
            for target in Target
            if (own := [case for case in cases if case.target is target]) and all(case.passed for case in own)
        }
        start, end = decorator.lineno - 1, decorator.end_lineno or decorator.lineno
        if (new := _narrowed(decorator, passing, text)) is None:
            continue
        changed += 1
        first = lines[start]
        indent = first[: len(first) - len(first.lstrip())]
        lines[start:end] = [f"{indent}@{new}\n"] if new else []
    return "".join(lines), changed


def _skips(tree: ast.Module, tried: Sequence[Tried]) -> Iterable[tuple[ast.expr, list[Tried]]]:
    """Each decorator with the cases that it skips."""
    heirs = _heirs(tree)
    for outer in tree.body:
        if not isinstance(outer, ast.ClassDef):
            continue
        for decorator in outer.decorator_list:
            yield decorator, [case for case in tried if _class(case) in heirs[outer.name] and _fits(decorator, case)]
        for inner in outer.body:
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                names = {f"{name}.{inner.name}" for name in heirs[outer.name]}
                for decorator in inner.decorator_list:
                    yield decorator, [case for case in tried if _tail(case) in names and _fits(decorator, case)]


def _heirs(tree: ast.Module) -> Mapping[str, set[str]]:
    """Of each class of the file its own name, and those of the classes there that inherit it."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    found = {node.name: {node.name} for node in classes}
    # A class comes after those that it inherits.
    for node in classes:
        bases = {base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in node.bases}
        for names in found.values():
            if names & bases:
                names.add(node.name)
    return found


def _tail(case: Tried) -> str:
    return ".".join(case.case.split(".")[-2:])


def _class(case: Tried) -> str:
    return case.case.split(".")[-2] if "." in case.case else ""


def _fits(decorator: ast.expr, case: Tried) -> bool:
    """Whether the decorator is what skipped the case: by its reason, or by its name where that says the reason."""
    if not isinstance(decorator, ast.Call):
        return False
    if target := _DECORATORS.get(_name(decorator.func)):
        return case.target is target and case.reason.casefold().startswith("exhausts")
    reason = decorator.args[1] if len(decorator.args) > 1 else None
    return isinstance(reason, ast.Constant) and reason.value == case.reason


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _narrowed(decorator: ast.expr, passing: set[Target], text: str) -> str | None:
    """The decorator without its `@` as it is to be: empty where it goes, None where it stays as it is."""
    if not isinstance(decorator, ast.Call) or not passing:
        return None
    if target := _DECORATORS.get(_name(decorator.func)):
        return "" if target in passing else None
    if _name(decorator.func) != "skipIf" or len(decorator.args) != 2:
        return None
    condition = decorator.args[0]
    terms = condition.values if isinstance(condition, ast.BoolOp) and isinstance(condition.op, ast.Or) else [condition]
    kept = [term for term in terms if _NAMES.get(_name(term)) not in passing]
    if len(kept) == len(terms):
        return None
    if not kept:
        return ""
    parts = [ast.get_source_segment(text, part) or "" for part in (*kept, decorator.func, decorator.args[1])]
    return f"{parts[-2]}({' or '.join(parts[:-2])}, {parts[-1]})"
