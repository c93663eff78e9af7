"""Reads the matrix: cells as they are written in matrices/*.toml, and what their files leave out."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError, Problem
from harness.matrix import axes, products
from harness.matrix.cells import MACHINES_OWN, Cell, Distribution, Library, Matrix
from harness.matrix.jspi import has_jspi
from harness.matrix.python_source import PythonSource
from harness.targets import Engine, Target
from harness.util.toml_tables import Mistake, TableReader, load_document


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """Values that every cell of a matrix shares unless it says otherwise."""

    python: str
    wasmtime: str
    node: str
    wasi_sdk: str
    chromium: str = MACHINES_OWN
    firefox: str = MACHINES_OWN
    emscripten_dependencies: tuple[Library, ...] = ()

    def runtime(self, engine: Engine) -> str:
        """The version of the engine's runtime."""
        return str(getattr(self, engine.value))

    def toolchain(self, target: Target) -> str:
        """The version of the target's toolchain; empty where each cell names its own."""
        return str(getattr(self, target.traits.toolchain_axis, ""))

    def libraries_of(self, *, dynamic_linking: bool) -> tuple[Library, ...]:
        """The libraries of an Emscripten cell that names none; libffi only where ctypes is of use.

        ctypes opens the program itself when it is imported. Without dynamic linking dlopen() refuses that, and the
        import ends in an OSError instead of the ImportError of a missing module, which everyone is prepared for.
        """
        useless = set() if dynamic_linking else {Library.LIBFFI}
        return tuple(library for library in self.emscripten_dependencies if library not in useless)


@dataclass(frozen=True, kw_only=True)
class CellSpec:
    """A cell as a file of the matrix declares it. None is what it leaves out: `[defaults]` has that, or else `Cell`."""

    target: Target
    id: str | None = None
    toolchain: str | None = None
    python: str | None = None
    engine: Engine | None = None
    runtime: str | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None
    pthreads: bool | None = None
    dynamic_linking: bool | None = None
    pydebug: bool | None = None
    dependencies: tuple[Library, ...] | None = None
    requires: tuple[Library, ...] | None = None
    configure: tuple[str, ...] | None = None
    resources: str | None = None
    case_timeout: float | None = None
    module_timeout: float | None = None
    broken: str | None = None
    distribution: Distribution | None = None
    release: str | None = None
    suffix: str | None = None
    jspi: bool | None = None

    @property
    def names_libraries(self) -> bool:
        """Whether it says itself what it is linked with."""
        return bool(self.dependencies or self.requires)

    def cell(self, defaults: Defaults) -> Cell:
        """The cell, with the id and the description that its other keys spell where it has none."""
        traits = self.target.traits
        driver = self.engine or traits.engines[0]
        linked = defaults.libraries_of(dynamic_linking=bool(self.dynamic_linking)) if not traits.no_libraries else ()
        wanted = {*(self.dependencies or linked), *(self.requires or ())}
        given = {key: value for key, value in vars(self).items() if value is not None and key not in _DECIDED}
        cell = Cell(
            id=self.id or "",
            toolchain=self.toolchain or defaults.toolchain(self.target),
            python=PythonSource.parse(self.python or defaults.python),
            engine=driver,
            runtime=self.runtime or defaults.runtime(driver),
            description=self.description or "",
            libraries=tuple(library for library in Library if library in wanted),
            **given,
        )
        spelled = cell_id(cell, defaults, own_libraries=self.names_libraries)
        toolchain = cell.toolchain or "of its tree"
        versions = f"CPython {cell.python}, {traits.toolchain_name} {toolchain}"
        flags = {"threads": cell.pthreads, "dynamic linking": cell.dynamic_linking, "assertions": cell.pydebug}
        parts = [name for name, on in flags.items() if on]
        with_flags = f", with {' and '.join(parts)}" if parts else ""
        is_usual = driver is traits.engines[0] and cell.runtime == defaults.runtime(driver)
        under = "" if is_usual else f", {_under(cell)}"
        return dataclasses.replace(
            cell, id=self.id or spelled, description=self.description or f"{versions}{with_flags}{under}"
        )


# What `CellSpec.cell` does not take as it is written.
_DECIDED = frozenset({"id", "toolchain", "python", "engine", "runtime", "description", "dependencies"})


def load_matrix(folder: Path) -> Matrix:
    """The cells of every `*.toml` in `folder` but pins.toml. ConfigError lists all mistakes."""
    problems: list[Problem] = []
    cells: list[Cell] = []
    files = sorted(path for path in folder.glob("*.toml") if path.name != "pins.toml")
    if not files:
        raise ConfigError(f"no matrix file in {folder}", hint="it needs at least default.toml")
    readers = []
    for path in files:
        name = f"{folder.name}/{path.name}"
        reader = TableReader(load_document(path, name, problems), problems)
        reader.check_top_level({"defaults", "cell", "product"})
        readers.append(reader)
    defaults = _defaults(readers)
    for reader in readers:
        cells.extend(_read_cells(reader, defaults))
    problems.extend(_duplicates(readers))
    declared, made = {cell.id for cell in cells}, set[str]()
    for reader in readers:
        cells.extend(cell for cell in _read_products(reader, defaults, made) if cell.id not in declared)
    if problems:
        raise ConfigError("the matrix has mistakes:", problems=problems)
    return Matrix(tuple(cell for cell in cells if cell.toolchain), tuple(cell for cell in cells if not cell.toolchain))


def _defaults(readers: Sequence[TableReader]) -> Defaults | None:
    holders = [reader for reader in readers if "defaults" in reader.document.data]
    for extra in holders[1:]:
        extra.problem(f"stands already in {holders[0].document.name}", table="defaults")
    if holders:
        return holders[0].read(Defaults, holders[0].table("defaults"), table="defaults")
    readers[0].problem("no matrix file has a [defaults] table")
    return None


def _read_cells(reader: TableReader, defaults: Defaults | None) -> Iterable[Cell]:
    for index, data in enumerate(reader.array("cell")):
        missing = [key for key in ("id", "description") if key not in data]
        for key in missing:
            reader.problem(f"{key!r} is missing", table="cell", index=index)
        spec = reader.read(CellSpec, data, table="cell", index=index)
        if spec is None or defaults is None:
            continue
        cell = spec.cell(defaults)
        reader.report(_contradictions(cell, defaults, spec), "cell", index)
        if not missing:
            yield cell


def _read_products(reader: TableReader, defaults: Defaults | None, made: set[str]) -> Iterable[Cell]:
    """The cells of each `[[product]]`; `made` has the ids of those that came before."""
    for index, data in enumerate(reader.array("product")):
        wrong = [*products.mistakes(data), *([Mistake("id", "is spelled by the harness")] if "id" in data else [])]
        reader.report(wrong, "product", index)
        for keys in () if wrong else products.combinations(data):
            spec = reader.read(CellSpec, keys, table="product", index=index)
            if spec is None or defaults is None:
                break
            cell = spec.cell(defaults)
            reader.report(_contradictions(cell, defaults, spec), "product", index)
            if cell.id in made:
                reader.problem(f"{cell.id!r} is in two products", table="product", index=index)
            made.add(cell.id)
            yield cell


def cell_id(cell: Cell, defaults: Defaults, *, own_libraries: bool = False) -> str:
    """The id that the cell's own fields spell; docs/architecture.md gives the grammar.

    `own_libraries` is whether it says itself what it is linked with.
    """
    end = f"{cell.suffix and '-'}{cell.suffix}{'-jspi' if cell.jspi else ''}{_runtime_in_id(cell, defaults)}"
    if cell.is_prebuilt:
        return f"{cell.distribution}{f'-{cell.release}' if cell.release else ''}{end}"
    parts = [
        cell.target.value,
        "" if cell.toolchain == defaults.toolchain(cell.target) else f"-{cell.toolchain}",
        cell.target.traits.threads_in_id if cell.pthreads else "",
        *(f"-{axes.FLAGS[flag]}" for flag in ("dynamic_linking", "pydebug") if getattr(cell, flag)),
        "-deps" if own_libraries else "",
        "" if str(cell.python) == defaults.python else f"-py{cell.python.series or cell.python}",
        end,
    ]
    return "".join(parts)


def _under(cell: Cell) -> str:
    """What a cell runs under, for its description."""
    if cell.runtime == MACHINES_OWN:
        return f"under the machine's own {cell.engine.label}"
    return f"under {cell.engine.label if cell.engine.is_browser else cell.engine} {cell.runtime}"


def _runtime_in_id(cell: Cell, defaults: Defaults) -> str:
    """`-chromium`, `-node20`; nothing for the default runtime of the target's first engine."""
    major = "" if cell.runtime == defaults.runtime(cell.engine) else cell.runtime.split(".")[0]
    is_first = cell.engine is cell.target.traits.engines[0]
    return "" if is_first and not major else f"-{cell.engine}{major}"


def _contradictions(cell: Cell, defaults: Defaults, spec: CellSpec) -> Iterable[Mistake]:
    own_libraries, traits = spec.names_libraries, cell.target.traits
    spelled = cell_id(cell, defaults, own_libraries=own_libraries)
    if cell.release and not cell.is_prebuilt:
        yield Mistake("release", "belongs together with a `distribution` other than cpython")
    elif cell.is_prebuilt and bool(cell.release) != bool(cell.toolchain):
        yield Mistake("toolchain", "is the one that the `release` was built with: one needs the other")
    elif not cell.toolchain and (cell.tags or cell.id != spelled):
        without = f"one that takes that of the CPython's tree is called {spelled!r} and has no tags"
        yield Mistake(
            "toolchain", f"is missing: an {cell.target} cell names its {traits.toolchain_name} version; {without}"
        )
    elif traits.no_libraries and own_libraries:
        yield Mistake("dependencies" if spec.dependencies else "requires", traits.no_libraries)
    elif spelled != cell.id:
        yield Mistake("id", f"is {cell.id!r}, but the cell's other keys spell {spelled!r}")
    if cell.engine not in traits.engines:
        yield Mistake("engine", f"{cell.engine} runs no cell of {cell.target}; {' or '.join(traits.engines)} does")
    if cell.jspi and cell.engine is not Engine.NODE:
        yield Mistake("jspi", f"is an option of Node, and {cell.id or spelled} runs under {cell.engine}")
    elif cell.jspi and cell.runtime != MACHINES_OWN and not has_jspi(cell):
        yield Mistake("jspi", f"Node {cell.runtime} has none: 24 and newer do")
    yield from (Mistake(flag, why) for flag, why in traits.impossible_flags.items() if getattr(cell, flag))
    if cell.suffix and not _SUFFIX.fullmatch(cell.suffix):
        yield Mistake("suffix", "must be small letters and digits, a letter first", "such as 'nopymalloc'")
    elif cell.suffix and _spells_more(cell.suffix):
        yield Mistake("suffix", f"{cell.suffix!r} has a meaning in an id", "choose another word")
    if cell.case_timeout <= 0 or cell.module_timeout < cell.case_timeout:
        yield Mistake("module_timeout", "must be at least case_timeout, and both above 0")


_SUFFIX = re.compile(r"[a-z][a-z0-9]*")


def _spells_more(word: str) -> bool:
    """Whether the word is one of those with which ids spell the keys of a cell."""
    threads = {target.traits.threads_in_id.removeprefix("-") for target in Target}
    words = {*axes.FLAGS.values(), *threads, "deps", axes.JSPI}
    return word in words or bool(re.fullmatch(rf"py\d*|({'|'.join(Engine)})\d*", word))


def _duplicates(readers: Sequence[TableReader]) -> Iterable[Problem]:
    seen: dict[str, str] = {}
    for reader in readers:
        for index, data in enumerate(reader.array("cell")):
            if "id" not in data:
                continue
            name, line = str(data["id"]), reader.document.line_of("cell", index, "id")
            file = reader.document.name
            if name in seen:
                message = f"{name!r} stands already at {seen[name]}"
                suggestion = "cells that differ in what no id spells have a `suffix`"
                yield Problem(file=file, line=line, key="cell.id", message=message, suggestion=suggestion)
            seen.setdefault(name, f"{file}:{line}")
