"""A cell that is ready to be tested: its build and its runtime, its engines and its jobs."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.build.artifact import Build
from harness.build.identity import Identity
from harness.build.prebuilt import PREBUILT
from harness.engines import browser, node, wasmtime
from harness.engines.exports import EXPORTS_KEY, exporting
from harness.engines.protocol import JOURNAL, EngineSession, GuestRun, Mount
from harness.matrix.cells import Cell, Distribution
from harness.matrix.jspi import has_jspi, node_options
from harness.suite.durations import durations_file
from harness.suite.module import ModuleJob
from harness.targets import Engine
from harness.util.files import disk_errors_as_unavailable
from harness.util.hashing import file_sha256

GUEST_FOLDER = Path(__file__).parents[1] / "guest" / "agent"


@dataclass(frozen=True, kw_only=True)
class OwnSuite:
    """The Lib/test in `folder`, of CPython `version`: the interpreter's own version, or another one such that the
    interpreter's is between it and the suite's.
    """

    version: str
    folder: Path

    def to_json(self) -> dict[str, str]:
        return {"version": self.version, "folder": str(self.folder)}

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> OwnSuite:
        return cls(version=data["version"], folder=Path(data["folder"]))


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A cell that is ready to be tested.

    `runtime` is the folder of its runtime, or a program of this machine. `identity` is what interpreter and compiler
    reported of themselves. `stack_size` is the size of a guest's stack in bytes, None for the usual one. With `on_page`
    guests in a browser run on the page's own thread instead of in Workers. If the build has the tests of another
    version of CPython, `own_suite` are those that they are compared with; else, or if there are none, it is None.
    """

    cell: Cell
    build: Build
    runtime: Path
    cache: Path
    identity: Identity | None = None
    stack_size: int | None = None
    on_page: bool = False
    own_suite: OwnSuite | None = None

    @property
    def guest_environment(self) -> dict[str, str]:
        """The environment in which the interpreter finds its library."""
        if prebuilt := PREBUILT.get(self.cell.distribution):
            return dict(prebuilt.environment)
        return self.build.guest_environment(self.cell.target)

    def engine_facts(self) -> dict[str, str]:
        """What results.json says of the engine; only a runtime of the machine's own has a `path` there."""
        facts = {"name": self.cell.engine.value, "version": self.cell.runtime, "stack": self.stack()}
        if self.cell.engine is Engine.NODE:
            option = " ".join(node_options(self.cell))
            facts["jspi"] = f"yes{option and ', with '}{option}" if has_jspi(self.cell) else "no"
        return facts | ({} if self.runtime.is_relative_to(self.cache / "runtimes") else {"path": str(self.runtime)})

    def stack(self) -> str:
        """What limits the stack of a guest, besides the size of CPython's own in linear memory, as text."""
        if self.cell.engine is Engine.WASMTIME:
            return f"{self.build.wasm_stack >> 20} MiB of wasm stack, as CPython's own runner asks of wasmtime"
        if self.cell.engine is Engine.NODE:
            return f"{node.STACK_MB} MiB for the thread of a guest; CPython's own in linear memory ends first"
        return "the browser's own for a Worker"

    def open_engine(self, log: Path, index: int, packages: Path | None = None) -> EngineSession:
        """A new engine for this build. `index` is its number among the engines that run side by side. Node finds npm
        packages in the folder `packages`.
        """
        return _OPENERS[self.cell.engine](self, log, index, packages)

    @property
    def usual_stack(self) -> int | None:
        """The size of a guest's stack in a run in bytes; None if the runtime has no option for it."""
        if self.cell.engine is Engine.WASMTIME:
            return self.build.wasm_stack
        return node.STACK_MB << 20 if self.cell.engine is Engine.NODE else None

    @property
    def durations(self) -> Path:
        """The record of how long the cell's modules took."""
        return durations_file(self.cache, self.cell.id)

    def compiled(self, suffix: str) -> Path:
        """Where the file made of the interpreter's wasm is cached whose name ends with `suffix`; the name also has the
        hash of the wasm.
        """
        found = self.build.wasm.stat()
        sha256 = _sha256_of(self.build.wasm, found.st_size, found.st_mtime_ns)
        compiled = self.cache / "compiled" / f"{sha256[:16]}-{EXPORTS_KEY}{suffix}"
        with disk_errors_as_unavailable(compiled):
            compiled.parent.mkdir(parents=True, exist_ok=True)
        return compiled

    @property
    def wasm(self) -> Path:
        """The module that runs under Node and in browsers: with the harness's exports, if it can have them."""
        cell = self.cell
        # Pyodide takes snapshots by itself. With dynamic linking, Emscripten adds each export of the interpreter to the
        # function table. The main thread's instance hides the added exports, but pthreads get the module itself: their
        # tables would be longer, and libraries would be loaded at other indexes than in the main thread.
        if cell.distribution is Distribution.PYODIDE or (cell.pthreads and cell.dynamic_linking):
            return self.build.wasm
        return exporting(self.build.wasm, self.compiled(".wasm"))

    @property
    def _python(self) -> tuple[str, ...]:
        return (f"/{self.build.manifest.layout.program}",)

    @property
    def _mounts(self) -> tuple[Mount, ...]:
        agent = Mount(host=GUEST_FOLDER, guest="/harness")
        if prebuilt := PREBUILT.get(self.cell.distribution):
            tests = prebuilt.tests_of(self.build.manifest.python)
            return Mount(host=self.build.root / "Lib" / "test", guest=tests, sealed=True), agent
        return Mount(host=self.build.root, guest="/", sealed=True), agent

    def guest(self, script: str, folder: Path) -> GuestRun:
        """One start of the interpreter with a script of guest/agent/, whose argument is the number of its journal. The
        journal is the file `answer` in `folder`, its output the file `output`.
        """
        run = self.guest_python((f"/harness/{script}", str(JOURNAL)), (), folder / "output")
        return dataclasses.replace(run, journal=folder / "answer")

    def guest_python(self, arguments: Sequence[str], mounts: Sequence[Mount], output: Path) -> GuestRun:
        """One start of the interpreter with Python's own arguments; `mounts` come after those of every guest."""
        return GuestRun(
            argv=(*self._python, *arguments),
            mounts=(*self._mounts, *mounts),
            env=self.guest_environment,
            output=output,
        )

    def job(
        self,
        module: str,
        folder: Path,
        *,
        match: tuple[str, ...],
        excluded: tuple[str, ...],
        should_stop: Callable[[], bool],
    ) -> ModuleJob:
        """The parameters of running one module of this cell."""
        return ModuleJob(
            module=module,
            folder=folder,
            python=self._python,
            mounts=self._mounts,
            env=self.guest_environment,
            resources=self.cell.resources,
            case_timeout=self.cell.case_timeout,
            module_timeout=self.cell.module_timeout,
            match=match,
            excluded=excluded,
            should_stop=should_stop,
        )


@functools.lru_cache
def _sha256_of(path: Path, _size: int, _changed: int) -> str:
    """The sha256 of the file, computed again only when its size or its time has changed."""
    return file_sha256(path)


def _open_wasmtime(
    prepared: Prepared,
    log: Path,
    index: int,
    packages: Path | None,  # noqa: ARG001 - as every opener
) -> EngineSession:
    return wasmtime.open_session(
        wasm=prepared.build.wasm,
        compiled=prepared.compiled(f"-wasmtime-{prepared.cell.runtime}.cwasm"),
        wasm_stack=prepared.stack_size or prepared.build.wasm_stack,
        runtime=prepared.runtime,
        log=log,
        index=index,
    )


def _open_node(
    prepared: Prepared,
    log: Path,
    index: int,  # noqa: ARG001 - as every opener
    packages: Path | None,
) -> EngineSession:
    is_pyodide = prepared.cell.distribution is Distribution.PYODIDE
    return node.open_session(
        module=prepared.build.program,
        wasm=prepared.wasm,
        node=prepared.runtime if prepared.runtime.is_file() else prepared.runtime / "bin" / "node",
        log=log,
        flags=node_options(prepared.cell),
        packages=packages,
        guest=node.PYODIDE_GUEST if is_pyodide else node.EMSCRIPTEN_GUEST,
        stack=prepared.stack_size,
    )


def _open_browser(
    prepared: Prepared,
    log: Path,
    index: int,  # noqa: ARG001 - as every opener
    packages: Path | None,  # noqa: ARG001 - as every opener
) -> EngineSession:
    engine = prepared.cell.engine
    is_pyodide = prepared.cell.distribution is Distribution.PYODIDE
    return browser.open_session(
        kind=engine.value,
        program=prepared.runtime if prepared.runtime.is_file() else prepared.runtime / "bin" / engine.value,
        module=prepared.build.program,
        wasm=prepared.wasm,
        log=log,
        on_page=prepared.on_page,
        guest=browser.PYODIDE_GUEST if is_pyodide else browser.EMSCRIPTEN_GUEST,
    )


_OPENERS = {
    Engine.WASMTIME: _open_wasmtime,
    Engine.NODE: _open_node,
    Engine.CHROMIUM: _open_browser,
    Engine.FIREFOX: _open_browser,
}
