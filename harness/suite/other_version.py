"""Which cases differ between two versions of CPython's test suite, by the source of their tests.

The source of a case is that of its test method and of everything that the method reaches by name: methods and
attributes of its class and the base classes, functions and constants of its file and of the files of the suite that
this one imports, and the data files of the suite that it names. `test.support` is left out, since every test uses it.
Comments and layout make no difference.
"""

from __future__ import annotations

import ast
import functools
import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.results.case_ids import dotted, subject_of

# They run with every case, whether its method names them or not.
_FIXTURES = ("setUp", "tearDown", "asyncSetUp", "asyncTearDown", "setUpClass", "tearDownClass")
_MODULE_FIXTURES = ("setUpModule", "tearDownModule", "load_tests")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def differing_cases(cases: Iterable[tuple[str, str]], suite: Path, own: Path) -> tuple[str, ...]:
    """The ids of those cases, each given with its module, whose source differs between the folders `suite` and `own`,
    two Lib/test, or that only one of them has. A case that is found in neither is not returned.
    """
    by_module: dict[str, list[str]] = {}
    for module, case in cases:
        by_module.setdefault(module, []).append(case)
    # Syntax trees are millions of objects without garbage, and collecting them would take most of the time.
    collects = gc.isenabled()
    gc.disable()
    try:
        ours, theirs = _data_files(suite), _data_files(own)
        return tuple(
            case
            for module, found in by_module.items()
            for case in _differing(module, found, _Tree(suite, ours), _Tree(own, theirs))
        )
    finally:
        if collects:
            gc.enable()


def _data_files(root: Path) -> Mapping[str, Sequence[Path]]:
    """The files of the suite in that folder that are no Python, by their names."""
    found: dict[str, list[Path]] = {}
    for path in root.rglob("*.*"):
        if path.suffix not in {".py", ".pyc"} and path.is_file():
            found.setdefault(path.name, []).append(path)
    return found


@dataclass(frozen=True)
class _Tree:
    """The folder of a suite, a Lib/test, and its data files by their names."""

    root: Path
    data: Mapping[str, Sequence[Path]]


def _differing(module: str, cases: Iterable[str], suite: _Tree, own: _Tree) -> Iterator[str]:
    # Both versions of a file may be the same. What was read for a module is dropped before the next, to save memory.
    read = functools.cache(_read)
    ours, theirs = _Suite(suite, read), _Suite(own, read)
    for case in dict.fromkeys(cases):
        if ours.source(module, case) != theirs.source(module, case):
            yield case


class _Source:
    """A definition. Its text and its names are computed once, and only if it is reached."""

    def __init__(self, node: ast.AST) -> None:
        self._node = node

    @functools.cached_property
    def text(self) -> str:
        """The definition without its layout and comments."""
        return ast.dump(self._node)

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The names and attributes that the definition uses."""
        found = (
            inner.id if isinstance(inner, ast.Name) else inner.attr
            for inner in ast.walk(self._node)
            if isinstance(inner, ast.Name | ast.Attribute)
        )
        return tuple(dict.fromkeys(found))

    @functools.cached_property
    def strings(self) -> frozenset[str]:
        """The string constants in the definition."""
        nodes = ast.walk(self._node)
        return frozenset(each.value for each in nodes if isinstance(each, ast.Constant) and isinstance(each.value, str))


@dataclass
class _Class:
    """A class: its statements besides its methods, the names of its bases, and its methods by name."""

    bases: tuple[str, ...]
    head: list[_Source]
    methods: dict[str, list[_Source]] = field(default_factory=dict)


@dataclass
class _File:
    """A test file: its definitions by name, the modules that it imports, those that its functions import, and the
    statements that run when it is imported.
    """

    names: dict[str, list[_Source]] = field(default_factory=dict)
    classes: dict[str, _Class] = field(default_factory=dict)
    imports: list[str] = field(default_factory=list)
    inner_imports: list[str] = field(default_factory=list)
    head: list[_Source] = field(default_factory=list)


class _Suite:
    """The tests of a suite. `read` parses the content of a file."""

    def __init__(self, tree: _Tree, read: Callable[[bytes], _File]) -> None:
        self.root, self._data = tree.root, tree.data
        self._read = read
        self._reach: dict[str, list[_File]] = {}

    def source(self, module: str, case: str) -> object:
        """A text that is the same for the same source of the case. It is the source of its method, or else of its class
        or function, or else of the statements that run when its file, or a file of its package, is imported. None if
        there is no such file.
        """
        subject = subject_of(case)
        parts = (subject if subject.startswith("test.") else dotted(module)).split(".")[1:]
        end = next((end for end in range(len(parts), 0, -1) if self._path(parts[:end]).is_file()), 0)
        if not end:
            return None
        own = ".".join(["test", *parts[:end]])
        files = self._files(own)
        name, *rest = [*parts[end:], ""]
        method = rest[-2] if len(rest) > 1 else ""
        if name in files[0].classes:
            family = _family(files, name)
        else:
            # A class that code makes while a file is imported has its methods from some class in that file, or in a
            # file that the function which makes it imports. So test_xml_etree_c has those of test_xml_etree.
            family = [each for each in files[0].classes.values() if method in each.methods]
            if not family:
                files = [*self._inner_files(own), *files]
                family = _family(files, name)
        if family:
            known = any(method in each.methods for each in family)
            wanted = (method,) if known else tuple(name for each in family for name in each.methods)
            heads = [source for each in family for source in each.head]
            return self._with_data(_reached((*wanted, *_FIXTURES), heads, family, files))
        if name in self._files(own)[0].names:
            return self._with_data(_reached((name,), (), (), files))
        path = self._path(parts[:end])
        inner = sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]
        read = [self._read(each.read_bytes()) for each in inner]
        return [self._with_data(_reached(_MODULE_FIXTURES, file.head, (), [file])) for file in read]

    def _path(self, parts: Sequence[str]) -> Path:
        path = self.root.joinpath(*parts)
        return path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")

    def _with_data(self, reached: Mapping[str, Sequence[_Source]]) -> object:
        """The texts of what was reached, and the contents of the data files that it names."""
        named = {string for sources in reached.values() for each in sources for string in each.strings}
        contents = {name: sorted(path.read_bytes() for path in self._data[name]) for name in named & self._data.keys()}
        return {name: [each.text for each in sources] for name, sources in reached.items()}, contents

    def _inner_files(self, module: str) -> list[_File]:
        """The files that functions of the module's file import, and what these import."""
        package = self._package(module)
        names = [_absolute(each, package) for each in self._files(module)[0].inner_imports]
        return [file for name in dict.fromkeys(names) for file in self._files(name)]

    def _package(self, module: str) -> str:
        """The package that relative imports of the module begin in."""
        is_package = self._path(module.split(".")[1:]).name == "__init__.py"
        return module if is_package else module.rpartition(".")[0]

    def _files(self, module: str) -> list[_File]:
        """The file of the module and those of the suite that it imports, its own imports first."""
        if module not in self._reach:
            found: dict[Path, _File] = {}
            todo = [module]
            for name in todo:
                first, *parts = name.split(".")
                path = self._path(parts) if parts else self.root
                if first == "test" and parts[:1] != ["support"] and path.is_file() and path not in found:
                    found[path] = self._read(path.read_bytes())
                    package = self._package(name)
                    todo += [_absolute(each, package) for each in found[path].imports]
            self._reach[module] = list(found.values())
        return self._reach[module]


def _read(content: bytes) -> _File:
    """The file with that content."""
    try:
        body = ast.parse(content).body
    except (SyntaxError, ValueError):
        # It has the grammar of a newer Python, or an error on purpose. Then the whole file is compared.
        return _File(head=[_Source(ast.Constant(content))])
    found = _File()
    for node in _statements(body):
        if isinstance(node, ast.ClassDef):
            found.classes[node.name] = _class_of(node)
            found.head += found.classes[node.name].head
        if isinstance(node, _Function | ast.ClassDef):
            found.names.setdefault(node.name, []).append(_Source(node))
            for inner in ast.walk(node):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    found.inner_imports += _imported(inner)
            continue
        found.head.append(source := _Source(node))
        if isinstance(node, ast.Import | ast.ImportFrom):
            _take_import(node, found)
        stored = (each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))
        for name in stored:
            found.names.setdefault(name, []).append(source)
    return found


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements; `if`, `try`, `with` and loops are replaced by the statements inside them."""
    for node in body:
        inner = [each for name in ("body", "orelse", "finalbody") for each in getattr(node, name, ())]
        inner += [each for handler in getattr(node, "handlers", ()) for each in handler.body]
        is_definition = isinstance(node, _Function | ast.ClassDef)
        yield from _statements(inner) if inner and not is_definition else (node,)


def _class_of(node: ast.ClassDef) -> _Class:
    bases = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases]
    found = _Class(tuple(bases), list(map(_Source, [*node.decorator_list, *node.bases, *node.keywords])))
    for inner in _statements(node.body):
        if isinstance(inner, _Function):
            found.methods.setdefault(inner.name, []).append(_Source(inner))
        else:
            found.head.append(_Source(inner))
    return found


def _take_import(node: ast.Import | ast.ImportFrom, found: _File) -> None:
    """Records the names that the import defines, and for each what may be a module."""
    found.imports += _imported(node)
    for alias in node.names:
        found.names.setdefault(alias.asname or alias.name, []).append(_Source(ast.Constant(_inner(node, alias))))


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The names in the import that may be modules."""
    start = _start(node)
    return [*([start] if start else []), *(_inner(node, alias) for alias in node.names)]


def _start(node: ast.Import | ast.ImportFrom) -> str:
    return "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else ""


def _inner(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """The name below `test` or below the package of what an alias stands for."""
    start = _start(node)
    return f"{start}{'.' if start.strip('.') else ''}{alias.name}"


def _absolute(module: str, package: str) -> str:
    """The full name of a module that a file of the package imports."""
    name = module.lstrip(".")
    level = len(module) - len(name)
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])]) if level else module


def _family(files: Sequence[_File], name: str) -> list[_Class]:
    """The class of that name and its bases, as far as the files have them."""
    found: dict[str, _Class] = {}
    todo = [name]
    for each in todo:
        taken = next((file.classes[each] for file in files if each in file.classes), None)
        if taken and each not in found:
            found[each] = taken
            todo += taken.bases
    return list(found.values())


def _reached(
    wanted: Iterable[str], head: Sequence[_Source], family: Sequence[_Class], files: Sequence[_File]
) -> Mapping[str, Sequence[_Source]]:
    """The sources by name of what is `wanted`, which are methods of the family of classes or definitions of the files,
    and of everything that these and the other statements of the classes reach. These statements have no name.
    """
    found: dict[str, Sequence[_Source]] = {"": head}
    todo = [*wanted, *(name for source in head for name in source.names if family)]
    for name in todo:
        if name in found:
            continue
        sources = next((each.methods[name] for each in family if name in each.methods), None)
        if sources is None:
            defining = next((file for file in files if name in file.names), None)
            # A base is reached as one of the family, and not as a whole.
            if not defining or any(each is defining.classes.get(name) for each in family):
                continue
            sources = defining.names[name]
        found[name] = sources
        todo += [name for source in sources for name in source.names]
    return found
