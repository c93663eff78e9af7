"""The manifest of a build: what went into it. It is written once, with the build, and parsed once wherever one is read.

Any version of the harness may have written it. What an older one has not recorded is empty here, what has another type
than expected counts as not recorded, and what has no field of its own is kept in `record`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SourceRecord:
    """Where the CPython came from: who provided it, from where, and which commit or content it is. `dirty` says that
    its checkout had changes that are in no commit.
    """

    provider: str = ""
    origin: str = ""
    revision: str = ""
    dirty: bool = False

    @property
    def commit(self) -> str:
        """The commit; empty for a source that is none."""
        return self.revision if re.fullmatch("[0-9a-f]{40}", self.revision) else ""


@dataclass(frozen=True, kw_only=True)
class ToolchainRecord:
    """The compiler. `stated` is the version that it states of itself, `revision` the commit of Emscripten or of
    wasi-libc, as far as it is known, and `packages` are those of a distribution. `sysroot` is the path of the user's
    own wasi-libc, empty where the compiler has its own.
    """

    version: str = ""
    provider: str = ""
    llvm: str = ""
    stated: str = ""
    revision: str = ""
    packages: str = ""
    sysroot: str = ""


@dataclass(frozen=True, kw_only=True)
class LayoutRecord:
    """Paths below the root of the build: its folder, what the engine loads, and the wasm itself. Of an interpreter that
    was installed, `library` is the folder of its standard library, and `wasm_stack` the bytes of stack that it needs
    under wasmtime; a build folder has both from the source tree around it.
    """

    build_folder: str = ""
    program: str = ""
    wasm: str = ""
    library: str = ""
    wasm_stack: int = 0


@dataclass(frozen=True, kw_only=True)
class RecipeRecord:
    """The steps that were computed. `departures` are those from CPython's own, each with its reason."""

    name: str = ""
    version: str = ""
    departures: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """A step that was run, and its wall time in seconds."""

    name: str = "?"
    seconds: float = 0.0
    command: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WasmRecord:
    """The interpreter that was built."""

    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What went into a build. Only a manifest that was parsed can be written.

    `python` is the version of CPython, `native` the path of the build Python, `cell` the build's id, `built` the time
    in ISO 8601. `inputs` is what names the build, as JSON. `libraries` has the version of each library that it is
    linked with, None where the record is older than libraries are; `missing_libraries` are those that the cell wanted
    and the build lacks. `suite` is the version of CPython that the tests of a prebuilt interpreter are from, empty for
    one that has its own. `prebuilt` is the path of a CPython that somebody else has built, empty for what the harness
    has built, or what is no CPython.
    """

    record: Mapping[str, Any] = field(default_factory=dict)
    python: str = ""
    native: str = ""
    cell: str = ""
    built: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    source: SourceRecord = SourceRecord()
    toolchain: ToolchainRecord = ToolchainRecord()
    layout: LayoutRecord = LayoutRecord()
    recipe: RecipeRecord = RecipeRecord()
    libraries: Mapping[str, str] | None = None
    missing_libraries: tuple[str, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    wasm: WasmRecord = WasmRecord()
    suite: str = ""
    prebuilt: str = ""

    @property
    def other_suite(self) -> str:
        """A sentence for tests that are not those of the interpreter's own version; empty when they are."""
        return other_suite(self.python, self.suite)

    @property
    def identity(self) -> tuple[object, ...]:
        """What is the same in two manifests exactly if they are of the same build."""
        return self.inputs, self.wasm

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Manifest:
        """The manifest of a JSON object, which stays in `record` as it is. TypeError when it is none."""
        if not isinstance(record, Mapping):
            raise TypeError("a manifest is a JSON object")
        parts = {key: _table(record.get(key)) for key in ("source", "toolchain", "layout", "recipe", "wasm")}
        libraries, toolchain = record.get("dependencies"), parts["toolchain"]
        libc = _text(toolchain, "wasi_libc")
        versions = {name: str(_table(library).get("version", "")) for name, library in _table(libraries).items()}
        return cls(
            record=record,
            python=_text(record, "python"),
            native=_text(record, "native"),
            cell=_text(record, "cell"),
            built=_text(record, "built"),
            inputs=_table(record.get("inputs")),
            source=SourceRecord(
                **_texts(parts["source"], "provider", "origin", "revision"),
                dirty=_text(parts["source"], "dirty") == str(True),
            ),
            toolchain=ToolchainRecord(
                version=_text(toolchain, "version"),
                provider=_text(toolchain, "provider"),
                llvm=_text(toolchain, "llvm"),
                stated=_text(toolchain, "emscripten") or _text(toolchain, "wasi_sdk"),
                revision=_text(toolchain, "emscripten_revision") or f"wasi-libc {libc}" * bool(libc),
                packages=_text(toolchain, "packages"),
                sysroot=_text(toolchain, "sysroot"),
            ),
            layout=LayoutRecord(
                **_texts(parts["layout"], "build_folder", "program", "wasm", "library"),
                wasm_stack=_count(parts["layout"], "wasm_stack"),
            ),
            recipe=RecipeRecord(
                name=_text(parts["recipe"], "name"),
                version=_text(parts["recipe"], "version"),
                departures=tuple(map(str, _list(parts["recipe"].get("departures")))),
            ),
            libraries=versions if isinstance(libraries, Mapping) else None,
            missing_libraries=tuple(_table(record.get("missing_dependencies"))),
            steps=tuple(_step(step) for step in _list(record.get("steps")) if isinstance(step, Mapping)),
            wasm=WasmRecord(bytes=_count(parts["wasm"], "bytes"), sha256=_text(parts["wasm"], "sha256")),
            suite=_text(_table(record.get("suite")), "version"),
            prebuilt=_text(_table(record.get("prebuilt")), "origin"),
        )

    def to_json(self) -> dict[str, Any]:
        return dict(self.record)


def other_suite(python: str, suite: str) -> str:
    """A sentence for the tests of CPython `suite` in an interpreter of CPython `python`; empty when both are one, or
    the interpreter has its own.
    """
    if suite in {"", python}:
        return ""
    return f"the tests are those of CPython {suite}, the interpreter is {python}: some fail for that alone"


def _step(step: Mapping[str, Any]) -> StepRecord:
    seconds = step.get("seconds")
    return StepRecord(
        name=str(step.get("name", "?")),
        seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
        command=tuple(map(str, _list(step.get("command")))),
    )


def _text(table: Mapping[str, Any], key: str) -> str:
    return str(table.get(key) or "")


def _count(table: Mapping[str, Any], key: str) -> int:
    return value if isinstance(value := table.get(key), int) else 0


def _texts(table: Mapping[str, Any], *keys: str) -> dict[str, str]:
    return {key: _text(table, key) for key in keys}


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
