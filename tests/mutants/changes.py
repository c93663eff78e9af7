"""The changes that can be made to one source file, one expression or statement each. Pure.

A change is made in the syntax tree, never in the file. The wording of a message is left alone: only strings that look
like a name (a key, a value of an enumeration) are changed.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z_][\w.-]+")
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_FUNCTIONS = {"any": "all", "all": "any", "min": "max", "max": "min"}
# Types and decorators decide nothing while the program runs.
_LEFT_ALONE = frozenset({"annotation", "returns", "decorator_list", "type_comment"})
_LENGTH = 90
_DELETED = (ast.Expr, ast.Raise, ast.Continue, ast.Break, ast.AugAssign, ast.Delete)


@dataclass(frozen=True, kw_only=True)
class Change:
    """`old` becomes `new` in `line` (its text) of `function`. The tests that run one of `lines` can notice it; there
    are none where the statement is executed by the import. `code` is a digest of the whole function.
    """

    function: str
    line: str
    old: str
    new: str
    occurrence: int
    lines: range
    code: str
    apply: Callable[[], None]

    @property
    def id(self) -> str:
        """What it is, whatever number its line has; unique in the file."""
        again = f" #{self.occurrence}" if self.occurrence else ""
        return f"{self.function} | {self.line} | {self.old} -> {self.new}{again}"


@dataclass(frozen=True, kw_only=True)
class Place:
    """The function and the lines of the statement that is being read."""

    function: str = ""
    lines: range = range(0)
    code: str = ""
    in_text: bool = False


def changes(tree: ast.Module, source: str) -> list[Change]:
    """Every change of the file, in the order of its text. `apply` of one makes it in `tree`."""
    text = source.splitlines()
    seen: Counter[tuple[str, str, str, str]] = Counter()
    found = []
    for place, node, old, new, apply in _of_node(tree, Place()):
        line = text[getattr(node, "lineno", 1) - 1].strip()
        key = (place.function, line, old, new)
        found.append(
            Change(
                function=place.function or "(module)",
                line=line,
                old=old,
                new=new,
                occurrence=seen[key],
                lines=place.lines,
                code=place.code,
                apply=apply,
            )
        )
        seen[key] += 1
    return found


_Found = tuple[Place, ast.AST, str, str, Callable[[], None]]


def _of_node(node: ast.AST, place: Place) -> Iterator[_Found]:
    for field, value in ast.iter_fields(node):
        if field in _LEFT_ALONE:
            continue
        children = value if isinstance(value, list) else [value]
        for index, child in enumerate(children):
            if not isinstance(child, ast.AST) or _is_docstring(child):
                continue
            inner = _place_in(child, place)
            for old, new in _variants(node, field, child, inner):
                yield inner, child, _text(old), _text(new), _put(node, field, index, new)
            yield from _of_node(child, inner)


def _put(parent: ast.AST, field: str, index: int, new: ast.AST) -> Callable[[], None]:
    def apply() -> None:
        value = getattr(parent, field)
        if isinstance(value, list):
            value[index] = new
        else:
            setattr(parent, field, new)

    return apply


def _place_in(node: ast.AST, place: Place) -> Place:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        name = f"{place.function}.{node.name}".lstrip(".")
        code = place.code or hashlib.sha256(ast.unparse(node).encode()).hexdigest()[:16]
        return Place(function=name, lines=range(node.lineno, (node.end_lineno or node.lineno) + 1), code=code)
    if isinstance(node, ast.ClassDef):
        return Place(function=f"{place.function}.{node.name}".lstrip("."), code=place.code)
    if isinstance(node, ast.arguments):  # the defaults
        return dataclasses.replace(place, lines=range(0))
    if isinstance(node, ast.JoinedStr | ast.FormattedValue):
        return dataclasses.replace(place, in_text=isinstance(node, ast.JoinedStr))
    if isinstance(node, ast.stmt) and place.lines:
        body = getattr(node, "body", None)
        end = body[0].lineno - 1 if isinstance(body, list) else node.end_lineno or node.lineno
        return dataclasses.replace(place, lines=range(node.lineno, max(end, node.lineno) + 1))
    return place


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Pass):
        return "(nothing)"
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}..."


def _variants(parent: ast.AST, field: str, node: ast.AST, place: Place) -> Iterator[tuple[ast.AST, ast.AST]]:
    """What `node` can become: pairs of what changes and what stands in its place."""
    if isinstance(node, ast.stmt):
        new = _instead_of_statement(node)
        if new is not None:
            yield node, ast.copy_location(new, node)
    elif isinstance(node, ast.expr):
        for expression in _instead_of_expression(parent, field, node, place):
            yield node, ast.fix_missing_locations(ast.copy_location(expression, node))


def _instead_of_statement(node: ast.stmt) -> ast.stmt | None:
    if isinstance(node, ast.Return):
        plain = node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
        return None if plain else ast.Return(value=ast.copy_location(ast.Constant(None), node))
    stored = isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name | ast.Tuple)
    return ast.Pass() if stored or isinstance(node, _DELETED) else None


def _instead_of_expression(parent: ast.AST, field: str, node: ast.expr, place: Place) -> Iterator[ast.expr]:
    if field == "test" or (isinstance(parent, ast.comprehension) and field == "ifs"):
        yield ast.Constant(False)
        if not isinstance(parent, ast.While):  # it would never end
            yield ast.Constant(True)
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others):
            for index, operator in enumerate(ops):
                swapped = [*ops[:index], _COMPARISONS[type(operator)](), *ops[index + 1 :]]
                yield ast.Compare(left=left, ops=swapped, comparators=others)
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(op=ast.Or() if isinstance(operator, ast.And) else ast.And(), values=values)
            for index in range(len(values)):
                rest = [*values[:index], *values[index + 1 :]]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op=operator, values=rest)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            yield ast.BinOp(left=left, op=_OPERATORS[type(operator)](), right=right)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords) if name in _FUNCTIONS:
            yield ast.Call(func=ast.Name(_FUNCTIONS[name], ast.Load()), args=arguments, keywords=keywords)
        case ast.Set(elts=elements) if len(elements) > 1:
            for index in range(len(elements)):
                yield ast.Set(elts=[*elements[:index], *elements[index + 1 :]])
        case ast.Constant(value=value) if not place.in_text:
            yield from _instead_of_constant(value)


def _instead_of_constant(value: object) -> Iterator[ast.expr]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and _NAME.fullmatch(value):
        yield ast.Constant(f"{value}X")
