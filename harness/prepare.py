"""All that lies between a cell's name and its first test."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.ask import ensure_identity
from harness.build import Build, ensure_build, tree_of
from harness.cache import cache_root
from harness.dependencies import obtain_dependencies
from harness.engines import EngineSession, GuestRun, Mount, node, wasmtime
from harness.errors import ConfigError
from harness.expectation_files import load_expectations
from harness.expectations import CellExpectations, Expectations
from harness.identity import Identity
from harness.limitations import load_registry
from harness.matrix import Cell, Engine, Matrix, Target, load_matrix, with_python
from harness.pins import Pins, load_pins
from harness.recipes.targets import guest_environment
from harness.run_folder import project_root
from harness.runtimes import obtain_runtime, own_node
from harness.sources import obtain_source
from harness.suite.module import ModuleJob
from harness.toolchains import obtain_toolchain

GUEST_FOLDER = Path(__file__).parent / "guest"


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the user asked for beyond the cell's id; empty for the default.

    `toolchain` is a path, `runtime` a version or `path:` and the path of a Node.
    """

    cpython: str = ""
    provider: str = ""
    toolchain: str = ""
    runtime: str = ""
    jobs: int = 0

    @classmethod
    def of(cls, options: object) -> Wishes:
        """The wishes among parsed options (harness/options.py)."""
        return cls(**{field.name: getattr(options, field.name) for field in dataclasses.fields(cls)})


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A cell that is ready to be tested. `runtime` is the folder of its runtime, or a Node of the machine's own,
    `identity` what build and compiler have said of themselves.
    """

    cell: Cell
    build: Build
    runtime: Path
    cache: Path
    identity: Identity | None = None

    @property
    def guest_environment(self) -> dict[str, str]:
        """What the interpreter needs to find itself."""
        return guest_environment(self.cell.target, self.build.tree, self.build.sysconfig)

    def engine_facts(self) -> dict[str, str]:
        """For results.json: `path` is that of a Node which is the machine's own."""
        facts = {"name": self.cell.engine.value, "version": self.cell.runtime}
        return facts | ({"path": str(self.runtime)} if self.runtime.is_file() else {})

    def open_engine(self, log: Path, index: int) -> EngineSession:
        """A warm engine for this build; the sessions that run side by side are numbered."""
        return _OPENERS[self.cell.target](self, log, index)

    def compiled(self) -> Path:
        """Where the module, compiled by this runtime, is kept between runs."""
        wasm_id = self.build.manifest["wasm"]["sha256"][:16]
        compiled = self.cache / "compiled" / f"{wasm_id}-wasmtime-{self.cell.runtime}-resumable.cwasm"
        compiled.parent.mkdir(parents=True, exist_ok=True)
        return compiled

    @property
    def _python(self) -> tuple[str, ...]:
        return (f"/{self.build.manifest['layout']['program']}",)

    @property
    def _mounts(self) -> tuple[Mount, ...]:
        return Mount(host=self.build.root, guest="/"), Mount(host=GUEST_FOLDER, guest="/harness")

    def guest(self, script: str, folder: Path) -> GuestRun:
        """One start of the interpreter with a script of guest/, which is given the path of a file to write:
        `answer` in `folder`. What it prints is in `output` there.
        """
        return GuestRun(
            argv=(*self._python, f"/harness/{script}", "/journal/answer"),
            mounts=(*self._mounts, Mount(host=folder, guest="/journal", writable=True)),
            env=self.guest_environment,
            output=folder / "output",
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
        """What running one module of this cell takes."""
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


def _open_wasmtime(prepared: Prepared, log: Path, index: int) -> EngineSession:
    return wasmtime.open_session(
        wasm=prepared.build.wasm,
        compiled=prepared.compiled(),
        wasm_stack=prepared.build.tree.wasm_stack(),
        runtime=prepared.runtime,
        log=log,
        index=index,
    )


def _open_node(prepared: Prepared, log: Path, index: int) -> EngineSession:  # noqa: ARG001 - as every opener
    return node.open_session(
        module=prepared.build.program,
        wasm=prepared.build.wasm,
        node=prepared.runtime if prepared.runtime.is_file() else prepared.runtime / "bin" / "node",
        log=log,
    )


_OPENERS = {Target.WASI: _open_wasmtime, Target.EMSCRIPTEN: _open_node}


def load_configuration() -> tuple[Matrix, Pins]:
    """The matrix and the pins of this project."""
    folder = project_root() / "matrices"
    return load_matrix(folder), load_pins(folder / "pins.toml")


def load_lists() -> Expectations:
    """Every expectation of this project, checked against the registry of limitations."""
    folder = project_root() / "expected_failures"
    return load_expectations(folder, load_registry(folder / "limitations.toml"))


def prepare(cell_id: str, wishes: Wishes, *, say: Callable[[str], None] = print) -> Prepared:
    """The cell with its build and runtime, made now as far as they are not there yet.

    BuildError when the interpreter that was built says that it is something else than the cell.
    """
    matrix, pins = load_configuration()
    cell = matrix.cell(cell_id)
    if wishes.cpython:
        cell = with_python(cell, wishes.cpython)
    cache = cache_root()
    toolchain_path = Path(wishes.toolchain) if wishes.toolchain else None
    source = obtain_source(cell.python, pins, cache, say=say)
    tree_of(cell, source)  # what cannot be built is told before a toolchain is downloaded
    toolchain = obtain_toolchain(cell, pins, cache, provider=wishes.provider, path=toolchain_path, say=say)
    cell, runtime = _with_runtime(cell, wishes.runtime, pins, cache, say)
    jobs = wishes.jobs or os.cpu_count() or 1
    dependencies = obtain_dependencies(cell, toolchain, pins, cache, jobs=jobs, say=say)
    build = ensure_build(cell, source, toolchain, cache, jobs=jobs, dependencies=dependencies)
    prepared = Prepared(cell=cell, build=build, runtime=runtime, cache=cache)
    return dataclasses.replace(prepared, identity=ensure_identity(prepared, toolchain, say=say))


def _with_runtime(cell: Cell, wish: str, pins: Pins, cache: Path, say: Callable[[str], None]) -> tuple[Cell, Path]:
    """The cell with the version of its runtime, which the user may have chosen, and where the runtime is."""
    kind, colon, path = wish.partition(":")
    if not colon:
        cell = dataclasses.replace(cell, runtime=wish or cell.runtime)
        return cell, obtain_runtime(cell.engine.value, cell.runtime, pins, cache, say=say)
    if kind != "path" or cell.engine is not Engine.NODE:
        raise ConfigError(
            f"--runtime {wish}: {cell.id} runs under {cell.engine}, of which a version can be named, "
            "or for Node path:/usr/bin/node",
            hint="`python -m harness cells` shows the version of each cell",
        )
    program, version = own_node(Path(path))
    return dataclasses.replace(cell, runtime=version), program


def expectations_for(cell: Cell, build: Build) -> CellExpectations:
    """The lists for this cell. ConfigError when one names a module that the suite does not have."""
    version = str(build.manifest["python"])
    expectations = load_lists().for_cell(cell, python=version)
    Expectations(tuple(expectations.entries.values())).check_modules(build.modules())
    return expectations
