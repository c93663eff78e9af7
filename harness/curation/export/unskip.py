"""Skips that are no longer needed, taken out of CPython's own test files: the patch that someone might send. Pure.

Only a decorator that asks for the platform by its name is touched, such as `@unittest.skipIf(is_emscripten, ...)`. One
that asks for something else, such as `@support.requires_fork()`, is needed on other platforms too.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.curation.class_tree import FUNCTIONS, heirs, last_name
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
    found.homeless = len({each.case for each in by_file.pop("", ())})
    for file, cases in sorted(by_file.items()):
        if not any(each.passed for each in cases):
            continue
        before = read(file) or ""
        others = [each for other, more in by_file.items() if other != file for each in more]
        try:
            after, removed = without_skips(before, cases, others)
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


def without_skips(text: str, tried: Sequence[Tried], elsewhere: Sequence[Tried] = ()) -> tuple[str, int]:
    """The text of a test file without the skips that its cases do not need, nor those of other files, which may inherit
    them; and how many decorators that changed.
    """
    tree = ast.parse(text)
    lines = lines_of(text)
    changed = 0
    # From the last line to the first: those before stay where they are.
    for decorator, cases, inherited in sorted(_skips(tree, tried, elsewhere), key=lambda skip: -skip[0].lineno):
        needing = {case.target for case in (*cases, *inherited) if not case.passed}
        passing = {case.target for case in cases} - needing
        start, end = decorator.lineno - 1, decorator.end_lineno or decorator.lineno
        if (new := _narrowed(decorator, passing, text)) is None:
            continue
        changed += 1
        first = lines[start]
        indent = first[: len(first) - len(first.lstrip())]
        lines[start:end] = [f"{indent}@{new}\n"] if new else []
    return "".join(lines), changed


def _skips(
    tree: ast.Module, tried: Sequence[Tried], elsewhere: Sequence[Tried]
) -> Iterable[tuple[ast.expr, list[Tried], list[Tried]]]:
    """Each decorator with the cases that it skips, and those of other files that may have inherited it: `elsewhere` are
    the cases of these, and one counts whose method has the name of one that is decorated.
    """
    by_class = heirs(tree)
    decorated: list[tuple[list[ast.expr], list[Tried], set[str]]] = []
    for outer in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        methods = [node for node in outer.body if isinstance(node, FUNCTIONS)]
        own = [case for case in tried if _class(case) in by_class[outer.name]]
        decorated.append((outer.decorator_list, own, {method.name for method in methods}))
        for method in methods:
            classes = heirs(tree, method.name)[outer.name] if method.decorator_list else set()
            own = [case for case in tried if _class(case) in classes and _method(case) == method.name]
            decorated.append((method.decorator_list, own, {method.name}))
    for decorators, own, names in decorated:
        for decorator in decorators:
            inherited = [case for case in elsewhere if _method(case) in names and _fits(decorator, case)]
            yield decorator, [case for case in own if _fits(decorator, case)], inherited


def _method(case: Tried) -> str:
    return case.case.rpartition(".")[2]


def _class(case: Tried) -> str:
    return case.case.split(".")[-2] if "." in case.case else ""


def _fits(decorator: ast.expr, case: Tried) -> bool:
    """Whether the decorator is what skipped the case: by its reason, or by its name where that says the reason."""
    if not isinstance(decorator, ast.Call):
        return False
    if target := _DECORATORS.get(last_name(decorator.func)):
        return case.target is target and case.reason.casefold().startswith("exhausts")
    reason = decorator.args[1] if len(decorator.args) > 1 else None
    return isinstance(reason, ast.Constant) and reason.value == case.reason


def _narrowed(decorator: ast.expr, passing: set[Target], text: str) -> str | None:
    """The decorator without its `@` as it is to be: empty where it goes, None where it stays as it is."""
    if not isinstance(decorator, ast.Call) or not passing:
        return None
    if target := _DECORATORS.get(last_name(decorator.func)):
        return "" if target in passing else None
    if last_name(decorator.func) != "skipIf" or len(decorator.args) != 2:
        return None
    condition = decorator.args[0]
    terms = condition.values if isinstance(condition, ast.BoolOp) and isinstance(condition.op, ast.Or) else [condition]
    kept = [term for term in terms if _NAMES.get(last_name(term)) not in passing]
    if len(kept) == len(terms):
        return None
    if not kept:
        return ""
    parts = [ast.get_source_segment(text, part) or "" for part in (*kept, decorator.func, decorator.args[1])]
    return f"{parts[-2]}({' or '.join(parts[:-2])}, {parts[-1]})"
