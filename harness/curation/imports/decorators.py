"""The skips and expected failures in CPython's own tests that name WebAssembly: decorators, and `if` with a skip.

The tests are read, never imported. Pure but for reading the files.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.curation.class_tree import FUNCTIONS, heirs, last_name
from harness.curation.imports.formats import ForeignEntry, ForeignList
from harness.errors import ConfigError
from harness.matrix.cells import Cell
from harness.targets import Target

_NAMES_WASM = re.compile(r"emscripten|wasi\b|wasm|_wasi_", re.IGNORECASE)
_LEAVES_OUT = re.compile(r"skip|expectedfailure", re.IGNORECASE)
_FIXTURES = frozenset({"setUp", "setUpClass", "asyncSetUp"})


@dataclass(frozen=True, kw_only=True)
class _Platform:
    """What a condition in a test can ask for, as it is in a cell."""

    values: Mapping[str, bool]
    platform: str

    @classmethod
    def of(cls, cell: Cell) -> _Platform:
        values = {
            "is_emscripten": cell.target is Target.EMSCRIPTEN,
            "is_wasi": cell.target is Target.WASI,
            "is_wasm32": True,
            "Py_DEBUG": cell.pydebug,
            "skip_emscripten_stack_overflow": cell.target is Target.EMSCRIPTEN,
            "skip_wasi_stack_overflow": cell.target is Target.WASI,
        }
        return cls(values=values, platform=cell.target.value)

    def holds(self, condition: ast.expr) -> bool | None:
        """Whether the condition holds in the cell; None where only the interpreter knows."""
        if isinstance(condition, ast.Name | ast.Attribute):
            return self.values.get(last_name(condition))
        if isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not):
            value = self.holds(condition.operand)
            return None if value is None else not value
        if isinstance(condition, ast.BoolOp):
            values = [self.holds(value) for value in condition.values]
            decisive = isinstance(condition.op, ast.Or)
            unless = None if None in values else not decisive
            return decisive if decisive in values else unless
        if isinstance(condition, ast.Compare) and ast.unparse(condition.left) == "sys.platform":
            return self._is_platform(condition)
        return None

    def _is_platform(self, comparison: ast.Compare) -> bool | None:
        named = {node.value for node in ast.walk(comparison) if isinstance(node, ast.Constant)}
        operator = comparison.ops[0]
        if isinstance(operator, ast.Eq | ast.In):
            return self.platform in named
        return self.platform not in named if isinstance(operator, ast.NotEq | ast.NotIn) else None


def read_decorators(tree: Path, cell: Cell, modules: Collection[str]) -> ForeignList:
    """What the tests of that CPython leave out in such a cell because it is WebAssembly. `modules` are the dotted names
    of those that ran. ConfigError for a folder without CPython's tests.
    """
    tests = next((path for path in (tree / "Lib" / "test", tree) if (path / "libregrtest").is_dir()), None)
    if not tests:
        raise ConfigError(f"{tree} has no tests of CPython: there is no Lib/test/libregrtest", hint="name a checkout")
    entries: list[ForeignEntry] = []
    for path in sorted(tests.rglob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if not _NAMES_WASM.search(text):
            continue
        parts = path.relative_to(tests).with_suffix("").parts
        name = ".".join(("test", *(parts[:-1] if parts[-1] == "__init__" else parts)))
        owner = max((module for module in modules if f"{name}.".startswith(f"{module}.")), key=len, default="")
        try:
            found = ast.parse(text)
        except SyntaxError:
            continue  # some files are wrong on purpose
        entries += _entries(found, name, owner, _Platform.of(cell))
    return ForeignList(name=f"the decorators of {tree}", entries=tuple(entries))


def _entries(tree: ast.Module, name: str, owner: str, platform: _Platform) -> Iterator[ForeignEntry]:
    by_class = heirs(tree)
    for why in _reasons_in(tree.body, platform):
        yield ForeignEntry(module=owner, names=(name,), why=why)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            classes = [f"{name}.{each}" for each in sorted(by_class[node.name])]
            for why in _reasons_of(node.decorator_list, platform):
                yield ForeignEntry(module=owner, names=tuple(classes), why=why)
            for method in node.body:
                if isinstance(method, FUNCTIONS):
                    reasons = [*_reasons_of(method.decorator_list, platform), *_reasons_in(method.body, platform)]
                    of_class = method.name in _FIXTURES
                    inherit = sorted(heirs(tree, method.name)[node.name])
                    cases = classes if of_class else [f"{name}.{each}.{method.name}" for each in inherit]
                    # What is no test is a helper, which some other test calls.
                    if of_class or method.name.startswith("test"):
                        yield from (ForeignEntry(module=owner, names=tuple(cases), why=why) for why in reasons)


def _reasons_of(decorators: Iterable[ast.expr], platform: _Platform) -> Iterator[str]:
    """Why each of the decorators leaves out what it decorates, in the cell."""
    for decorator in decorators:
        text = ast.unparse(decorator)
        callee = decorator.func if isinstance(decorator, ast.Call) else decorator
        if not (_LEAVES_OUT.search(last_name(callee)) and _NAMES_WASM.search(text)):
            continue
        arguments = decorator.args if isinstance(decorator, ast.Call) else []
        holds = platform.holds(arguments[0]) if arguments else platform.values.get(last_name(callee), True)
        leaves_out = holds is not True if last_name(callee) == "skipUnless" else holds is not False
        if leaves_out and (not arguments or _is_about_wasm(arguments)):
            yield f"@{text}"


def _is_about_wasm(arguments: Iterable[ast.expr]) -> bool:
    return any(_NAMES_WASM.search(ast.unparse(argument)) for argument in arguments)


def _reasons_in(body: Iterable[ast.stmt], platform: _Platform) -> Iterator[str]:
    """Why the statements of a module or of a test skip, where an `if` that names WebAssembly holds in the cell."""
    for statement in body:
        if isinstance(statement, ast.If) and _NAMES_WASM.search(ast.unparse(statement.test)):
            skips = any(re.match(r"raise (unittest\.)?SkipTest|self\.skipTest", ast.unparse(s)) for s in statement.body)
            if skips and platform.holds(statement.test) is not False:
                yield f"if {ast.unparse(statement.test)}"
