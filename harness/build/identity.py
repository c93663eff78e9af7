"""Whether a build is the cell that was asked for, by what its interpreter and its compiler report. Pure.

The manifest says what the harness asked for; only the interpreter knows what was built.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import BuildError
from harness.manifest import Manifest
from harness.matrix.cells import Cell
from harness.targets import Engine, Target
from harness.util.versions import number

# What is kept of `-dM -E`, which is some 400 macros.
MACROS = re.compile(r"__clang_version__|__VERSION__|__EMSCRIPTEN.*|__wasm.*|__wasi__|_REENTRANT|__SIZEOF_POINTER__")
# The major version in the name that a runtime reports: `Node.js v20.18.0`, or `Node.js/24` from Node 21 on. Browsers
# report no more of theirs.
_RUNTIMES = {
    Engine.NODE: re.compile(r"Node\.js[ /]v?(\d+)"),
    Engine.CHROMIUM: re.compile(r"\b(?:Headless)?Chrome/(\d+)"),
    Engine.FIREFOX: re.compile(r"\bFirefox/(\d+)"),
}
_DYNAMIC_LINKING = "--enable-wasm-dynamic-linking"
_WASI_THREADS = "--enable-wasm-pthreads"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """`interpreter` is the answer of guest/agent/identity.py, `compiler` the macros of `-dM -E`."""

    interpreter: Mapping[str, Any]
    compiler: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        return {"interpreter": dict(self.interpreter), "compiler": dict(self.compiler)}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A property in which cell and interpreter differ: its name, and both values."""

    what: str
    asked: str
    found: str

    def __str__(self) -> str:
        return f"{self.what}: the cell asks for {self.asked}, {self.found}"


def read_macros(text: str) -> dict[str, str]:
    """The macros that identify the compiler, from the output of `-dM -E`."""
    words = (line.split(maxsplit=2) for line in text.splitlines() if line.startswith("#define "))
    values = {name: (value[0] if value else "").strip('" ') for _, name, *value in words}
    return {name: value for name, value in sorted(values.items()) if MACROS.fullmatch(name)}


def check(cell: Cell, manifest: Manifest, identity: Identity) -> None:
    """BuildError, with both values of each property that differs, when the build is not this cell."""
    found = tuple(differences(cell, manifest, identity))
    if found:
        lines = "\n".join(f"  {difference}" for difference in found)
        if manifest.prebuilt:
            raise BuildError(
                f"{manifest.prebuilt} is not {cell.id}:\n{lines}",
                hint=f"`{cell.target} --prebuilt PATH` takes whatever toolchain and flags it has",
            )
        if cell.is_prebuilt:
            raise BuildError(
                f"the interpreter of {manifest.source.origin} is not what {cell.id} is declared to be:\n{lines}",
                hint="what is declared of it is wrong, or its files are of two builds: see its cell and its pin in "
                "matrices/, or the pyodide-lock.json of the folder",
            )
        raise BuildError(
            f"what was built for {cell.id} is not that cell:\n{lines}",
            hint=f"compare the cell with the manifest of the build {manifest.cell}; "
            "if its files were changed, delete it from the cache's builds/",
        )


def differences(cell: Cell, manifest: Manifest, identity: Identity) -> Iterator[Difference]:
    """Each property in which the interpreter is not what the cell asks for."""
    for what, asked, found in _comparisons(cell, manifest, identity):
        if asked != found:
            yield Difference(what=what, asked=asked, found=f"the interpreter says {found or 'nothing'}")
    compiled_by, toolchain = _clang(identity.interpreter["version"]), _clang(identity.compiler.get("__VERSION__", ""))
    if compiled_by and toolchain and compiled_by != toolchain:
        found = f"the interpreter says that it was compiled by Clang {compiled_by}"
        yield Difference(what="compiler", asked=f"a toolchain whose Clang is {toolchain}", found=found)
    version = emscripten_version(identity.compiler)
    if version and version != number(cell.toolchain):
        yield Difference(what="compiler", asked=f"Emscripten {cell.toolchain}", found=f"its macros say {version}")


def _comparisons(cell: Cell, manifest: Manifest, identity: Identity) -> Iterator[tuple[str, str, str]]:
    answer = identity.interpreter
    python = cell.python.version or manifest.python
    yield "platform", cell.target.value, answer["platform"]
    yield "machine", "wasm32", answer["uname"][4]
    yield "CPython", python, answer["version"].split()[0]
    yield "pydebug", _switch(cell.pydebug), _switch(answer["pydebug"])
    yield "pydebug in sysconfig", _switch(cell.pydebug), _switch(answer["sysconfig"]["Py_DEBUG"])
    arguments = shlex.split(answer["sysconfig"]["CONFIG_ARGS"] or "")
    for argument in cell.configure:
        yield "configure", argument, argument if argument in arguments else " ".join(arguments)
    yield from _OF_TARGET[cell.target](cell, manifest, answer)


def _wasi(cell: Cell, _manifest: Manifest, answer: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield "threads", _switch(cell.pthreads), _switch(has_wasi_threads(answer))


def has_wasi_threads(answer: Mapping[str, Any]) -> bool:
    """Whether an interpreter for WASI has threads, by its answer."""
    # From SDK 27 on wasi-libc has stubs of its own, which CPython takes for pthreads.
    asked = _WASI_THREADS in shlex.split(answer["sysconfig"]["CONFIG_ARGS"] or "")
    return asked and answer["threads"] != "pthread-stubs"


def _emscripten(cell: Cell, manifest: Manifest, answer: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    info = answer["emscripten"] or {}
    # CPython's own script may link dynamically whatever the cell says: then that is what was asked for.
    commands = (argument for step in manifest.steps for argument in step.command)
    dynamic = cell.dynamic_linking or _DYNAMIC_LINKING in commands
    asked = number(cell.toolchain)
    yield "Emscripten", asked, number(info.get("version", ""))
    # Older ones, 3.1.6 among them, call every release 1.0.
    if answer["uname"][2] != "1.0":
        yield "Emscripten of os.uname()", asked, number(answer["uname"][2])
    yield "pthreads", _switch(cell.pthreads), _switch(info.get("pthreads"))
    yield "dynamic linking", _switch(dynamic), _switch(answer["dynamic_loading"])
    said = info.get("runtime") or ""
    runtime = _RUNTIMES[cell.engine].search(said)
    yield cell.engine.label, cell.runtime.split(".")[0], runtime.group(1) if runtime else str(said)


_OF_TARGET = {Target.WASI: _wasi, Target.EMSCRIPTEN: _emscripten}


def _switch(value: object) -> str:
    return "on" if value else "off"


def _clang(text: str) -> str:
    found = re.search(r"Clang (\d+\.\d+\.\d+)", text)
    return found.group(1) if found else ""


def emscripten_version(macros: Mapping[str, str]) -> str:
    """`3.1.69` of the compiler's macros; empty when it is no Emscripten."""
    parts = ("major", "minor", "tiny")
    # From 4 on the names in capitals hold the numbers, and those in small letters stand for them.
    numbers = [macros.get(f"__EMSCRIPTEN_{part.upper()}__") or macros.get(f"__EMSCRIPTEN_{part}__") for part in parts]
    return ".".join(filter(None, numbers)) if all(numbers) else ""
