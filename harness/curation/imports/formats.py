"""Lists of tests that others leave out, in their own files: Pyodide's and regrtest's. Pure but for reading the file."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.results.case_ids import dotted


@dataclass(frozen=True, kw_only=True)
class ForeignEntry:
    """What a list leaves out: a whole module, or the cases that a pattern matches. `module` is a dotted name, empty for
    a pattern that holds in every module; `pattern` is empty for a whole module. `names` are the ids of cases, classes
    or modules, where the list names them so. `why` is what the list says of it.
    """

    module: str = ""
    pattern: str = ""
    names: tuple[str, ...] = ()
    why: str = ""

    def matches(self, case: str) -> bool:
        """As regrtest's `-i` has it: the pattern matches the id of a case, or one of its parts. A name is that of the
        case, or of what the case is in.
        """
        if self.names:
            return any(f"{case}.".startswith(f"{name}.") for name in self.names)
        names = (case, *case.split("."))
        return not self.pattern or any(fnmatch.fnmatchcase(name, self.pattern) for name in names)


@dataclass(frozen=True, kw_only=True)
class ForeignList:
    """A list. `modules` are the dotted names of those that it knows at all, empty where it does not say."""

    name: str
    entries: tuple[ForeignEntry, ...]
    modules: frozenset[str] = frozenset()


# What Pyodide calls a runtime, where that is not the engine's name.
PYODIDE_RUNTIMES = {"chromium": "chrome"}


def read_pyodide(path: Path, runtime: str) -> ForeignList:
    """Pyodide's src/tests/python_tests.yaml. An `xfail` leaves out the module; one that names a runtime counts where
    that is `runtime` (`node`, `chrome`, `firefox`, `safari`).

    ConfigError for a file of another form.
    """
    return pyodide_list(load_pyodide(path)[1], path, runtime)


def pyodide_list(data: Any, path: Path, runtime: str) -> ForeignList:
    """What `data`, which are those of the file, leave out. ConfigError as above."""
    listed: list[Any] = data if isinstance(data, list) else [data]
    items = [{item: None} if isinstance(item, str) else item for item in listed]
    if not isinstance(data, list) or not all(_is_module(item) for item in items):
        raise ConfigError(f"{path} is no list of modules", hint="Pyodide's is src/tests/python_tests.yaml")
    named = [(name, keys or {}) for item in items for name, keys in item.items()]
    entries = tuple(entry for name, keys in named for entry in _pyodide_module(dotted(name), keys, runtime))
    return ForeignList(name=path.name, entries=entries, modules=frozenset(dotted(name) for name, _ in named))


def load_pyodide(path: Path) -> tuple[str, Any]:
    """The text of a YAML file, and its data, which know their lines. ConfigError when it is none."""
    text = _text(path)
    return text, parse_pyodide(text, path)


def parse_pyodide(text: str, path: Path) -> Any:
    """The data of the text, which is that of the file. ConfigError when it is no YAML."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - no other command needs it
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    try:
        return YAML(typ="rt").load(text)
    except YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from error


def _is_module(item: Any) -> bool:
    """Whether an item of the list is the name of a module with what is said of it."""
    return isinstance(item, dict) and all(
        isinstance(name, str) and isinstance(keys, dict | None) for name, keys in item.items()
    )


def _pyodide_module(module: str, keys: Mapping[str, Any], runtime: str) -> Iterator[ForeignEntry]:
    for key, value in keys.items():
        if key in {"xfail", f"xfail-{runtime}"}:
            yield ForeignEntry(module=module, why=str(value))
        elif key == "skip":
            yield from (ForeignEntry(module=module, pattern=str(pattern)) for pattern in _list(value))


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def read_regrtest(path: Path, runtime: str = "") -> ForeignList:  # noqa: ARG001 - as every reader
    """A file for regrtest's `--ignorefile`: a pattern a line."""
    lines = (line.strip() for line in _text(path).splitlines())
    return ForeignList(name=path.name, entries=tuple(ForeignEntry(pattern=line) for line in lines if line))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
