"""The matrix: cells, and how some are selected. Pure."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.errors import ConfigError, did_you_mean
from harness.matrix.python_source import PythonSource
from harness.targets import Engine, Target
from harness.util.toml_tables import convert

# The version of a runtime that is no pinned one, but what the machine has.
MACHINES_OWN = "system"


class Library(StrEnum):
    """What a CPython may be linked with, where the harness can build it for the target."""

    ZLIB = "zlib"
    BZIP2 = "bzip2"
    SQLITE = "sqlite"
    LIBFFI = "libffi"
    MPDECIMAL = "mpdecimal"


class Distribution(StrEnum):
    """Who has built the interpreter: the harness from CPython's source, or somebody else, who publishes it."""

    CPYTHON = "cpython"
    PYODIDE = "pyodide"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One fully decided point of the matrix.

    `toolchain` is the version of the Emscripten or WASI SDK, empty until a source tree says which; `runtime` is that
    of what `engine` drives, or MACHINES_OWN. `resources` is regrtest's `-u`. Timeouts are in seconds: `case_timeout`
    without any progress, `module_timeout` for all of a module. `libraries` are those that it is linked with as far as
    they are available, those of `requires` among them, without which it is not built. `broken` says why a combination
    is known not to work; such a cell is left out of tag selections but can be named. `release` is the version of a
    `distribution` that somebody else has built, empty for CPython: its toolchain and flags are what it was built with.
    `suffix` is a word of the id's own, for a cell that differs from another in what no id spells: `configure`,
    `resources`, the time limits. `jspi`: its Node has JSPI, also where that takes an option.
    """

    id: str
    target: Target
    toolchain: str
    python: PythonSource
    engine: Engine
    runtime: str
    description: str
    tags: tuple[str, ...] = ()
    pthreads: bool = False
    dynamic_linking: bool = False
    pydebug: bool = False
    libraries: tuple[Library, ...] = ()
    requires: tuple[Library, ...] = ()
    configure: tuple[str, ...] = ()
    resources: str = "all,-cpu,-largefile"
    case_timeout: float = 120.0
    module_timeout: float = 1200.0
    broken: str = ""
    distribution: Distribution = Distribution.CPYTHON
    release: str = ""
    suffix: str = ""
    jspi: bool = False

    @property
    def is_prebuilt(self) -> bool:
        """Whether somebody else has built its interpreter."""
        return self.distribution is not Distribution.CPYTHON

    @property
    def build_id(self) -> str:
        """The id without the runtime, which is no input of a build: cells that differ only in it share theirs."""
        return re.sub(rf"(-jspi)?(-{self.engine}\d*)?$", "", self.id)

    @property
    def build_flags(self) -> dict[str, Any]:
        """What of the cell goes into its build besides CPython, toolchain and libraries, as JSON."""
        return {
            "target": self.target.value,
            "pthreads": self.pthreads,
            "dynamic_linking": self.dynamic_linking,
            "pydebug": self.pydebug,
            "configure": list(self.configure),
        }

    def to_json(self) -> dict[str, Any]:
        """The cell as results have it, in plain values. There its libraries are called dependencies."""
        values = dataclasses.asdict(self) | {"python": str(self.python)}
        return {_JSON_KEYS.get(key, key): _plain(value) for key, value in values.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Cell:
        """KeyError, TypeError or ValueError for what is no cell."""
        hints = typing.get_type_hints(Cell)
        fields = {_JSON_KEYS.get(field.name, field.name): field.name for field in dataclasses.fields(Cell)}
        values = {name: data[key] for key, name in fields.items() if key in data}
        if unknown := data.keys() - fields:
            raise KeyError(*sorted(unknown))
        python = PythonSource.parse(values.pop("python"))
        # Older results name no engine: each target had one.
        values.setdefault("engine", Target(values["target"]).traits.engines[0])
        return cls(python=python, **{name: convert(value, hints[name]) for name, value in values.items()})


@dataclass(frozen=True)
class Selection:
    """Cells that were chosen, and those that a tag would have chosen if their declaration did not say `broken`."""

    cells: tuple[Cell, ...]
    left_out: tuple[Cell, ...] = ()

    @property
    def is_one(self) -> bool:
        return len(self.cells) == 1 and not self.left_out


@dataclass(frozen=True)
class Matrix:
    """All declared cells, in the order of their files. `tree_cells` are those without a toolchain: each takes the one
    that the source tree pins, so that no version is known of them before there is a tree.
    """

    cells: tuple[Cell, ...]
    tree_cells: tuple[Cell, ...] = ()

    @property
    def declared(self) -> tuple[Cell, ...]:
        """Every cell that a command may name."""
        return (*self.cells, *self.tree_cells)

    def cell(self, cell_id: str) -> Cell:
        """The cell of that id; ConfigError with the nearest name when there is none."""
        for cell in self.declared:
            if cell.id == cell_id:
                return cell
        if meant := next((cell.id for cell in self.declared if _spells_defaults(cell_id, cell)), ""):
            raise ConfigError(
                f"there is no cell {cell_id!r}: it is called {meant!r}, since an id spells no default",
                hint="`python -m harness cells` lists them",
            )
        suggestion = did_you_mean(cell_id, (cell.id for cell in self.declared))
        raise ConfigError(
            f"there is no cell {cell_id!r}" + (suggestion and f"; {suggestion}"),
            hint="`python -m harness cells` lists them; a cell is added in matrices/*.toml",
        )

    def select(self, *, ids: Sequence[str] = (), tags: Sequence[str] = ()) -> tuple[Cell, ...]:
        """Cells named by `ids`, then those with any of `tags`, none twice; all when both are empty."""
        return self.selection(ids=ids, tags=tags).cells if ids or tags else self.cells

    def selection(self, *, ids: Sequence[str] = (), tags: Sequence[str] = ()) -> Selection:
        """Cells named by `ids`, then those with any of `tags`, none twice. A broken one must be named."""
        known = {tag for cell in self.cells for tag in cell.tags}
        for tag in tags:
            if tag not in known:
                raise ConfigError(f"no cell has the tag {tag!r}; {did_you_mean(tag, known)}")
        named = [self.cell(cell_id) for cell_id in ids]
        tagged = [cell for cell in self.cells if set(tags) & set(cell.tags)]
        chosen = dict.fromkeys([*named, *(cell for cell in tagged if not cell.broken)])
        return Selection(tuple(chosen), tuple(cell for cell in tagged if cell not in chosen))


def _spells_defaults(word: str, cell: Cell) -> bool:
    """Whether the word is the cell's id with more of its versions in it."""
    given, own = set(word.split("-")), set(cell.id.split("-"))
    major = cell.runtime.partition(".")[0]
    versions = {cell.toolchain, f"py{cell.python.series or cell.python}", str(cell.engine), f"{cell.engine}{major}"}
    return own < given <= own | versions


def with_python(cell: Cell, python: str) -> Cell:
    """The cell with the CPython that `python` names; it keeps its declared id. ConfigError when it names none."""
    return dataclasses.replace(cell, python=PythonSource.parse(python))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.value if isinstance(value, StrEnum) else value


_JSON_KEYS = {"libraries": "dependencies"}
