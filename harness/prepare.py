"""All that lies between a cell's name and its first test."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.build import Build, ensure_build
from harness.cache import cache_root
from harness.dependencies import obtain_dependencies
from harness.engines import EngineSession, Mount, node, wasmtime
from harness.errors import ConfigError, UnavailableError
from harness.expectation_files import load_expectations
from harness.expectations import CellExpectations, Expectations
from harness.limitations import load_registry
from harness.matrix import Cell, Matrix, Target, load_matrix, with_python
from harness.pins import Pins, load_pins
from harness.recipes import wasi
from harness.recipes.targets import guest_environment
from harness.runtimes import obtain_runtime
from harness.sources import obtain_source
from harness.suite.module import ModuleJob
from harness.toolchains import obtain_toolchain

GUEST_FOLDER = Path(__file__).parent / "guest"


def project_root() -> Path:
    """The folder that holds matrices/ and expected_failures/: the current one, or else this checkout."""
    here, checkout = Path.cwd(), Path(__file__).resolve().parent.parent
    return here if (here / "matrices" / "default.toml").is_file() else checkout


def matrix_file() -> Path:
    """The file that stands for the matrix where pytest wants a path."""
    return project_root() / "matrices" / "default.toml"


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the user asked for beyond the cell's id; empty for the default. `toolchain` is a path."""

    cpython: str = ""
    provider: str = ""
    toolchain: str = ""
    jobs: int = 0


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A cell that is ready to be tested. `runtime` is the folder of its wasmtime package."""

    cell: Cell
    build: Build
    runtime: Path
    cache: Path

    @property
    def series(self) -> str:
        return ".".join(str(self.build.manifest["python"]).split(".")[:2])

    def open_engine(self, log: Path, index: int) -> EngineSession:
        """A warm engine for this build; the sessions that run side by side are numbered."""
        return _OPENERS[self.cell.target](self, log, index)

    def compiled(self) -> Path:
        """Where the module, compiled by this runtime, is kept between runs."""
        wasm_id = self.build.manifest["wasm"]["sha256"][:16]
        compiled = self.cache / "compiled" / f"{wasm_id}-wasmtime-{self.cell.runtime}-resumable.cwasm"
        compiled.parent.mkdir(parents=True, exist_ok=True)
        return compiled

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
            python=(f"/{self.build.manifest['layout']['program']}",),
            mounts=(Mount(host=self.build.root, guest="/"), Mount(host=GUEST_FOLDER, guest="/harness")),
            env=guest_environment(self.cell, self.series),
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
        wasm_stack=wasi.wasm_stack(prepared.series),
        runtime=prepared.runtime,
        log=log,
        index=index,
    )


def _open_node(prepared: Prepared, log: Path, index: int) -> EngineSession:  # noqa: ARG001 - as every opener
    return node.open_session(
        module=prepared.build.program,
        wasm=prepared.build.wasm,
        node=prepared.runtime / "bin" / "node",
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
    """The cell with its build and runtime, made now as far as they are not there yet."""
    matrix, pins = load_configuration()
    cell = matrix.cell(cell_id)
    if wishes.cpython:
        cell = with_python(cell, wishes.cpython)
    cache = cache_root()
    toolchain_path = Path(wishes.toolchain) if wishes.toolchain else None
    source = obtain_source(cell.python, pins, cache, say=say)
    toolchain = obtain_toolchain(cell, pins, cache, provider=wishes.provider, path=toolchain_path, say=say)
    jobs = wishes.jobs or os.cpu_count() or 1
    dependencies = obtain_dependencies(cell, toolchain, pins, cache, jobs=jobs, say=say)
    build = ensure_build(cell, source, toolchain, cache, jobs=jobs, dependencies=dependencies)
    runtime = obtain_runtime(cell.engine.value, cell.runtime, pins, cache, say=say)
    return Prepared(cell=cell, build=build, runtime=runtime, cache=cache)


def expectations_for(cell: Cell, build: Build) -> CellExpectations:
    """The lists for this cell. ConfigError when one names a module that the suite does not have."""
    version = str(build.manifest["python"])
    expectations = load_lists().for_cell(cell, python=version)
    Expectations(tuple(expectations.entries.values())).check_modules(build.modules())
    return expectations


def new_run_folder() -> Path:
    """A fresh folder under reports/, named by the time of day; two runs that start together get two."""
    reports = project_root() / "reports"
    stamp = time.strftime("%Y-%m-%dT%H-%M-%S")
    for attempt in range(1, 100):
        folder = reports / (stamp if attempt == 1 else f"{stamp}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise UnavailableError(f"cannot make {folder}: {error.strerror}", hint="use --run-dir FOLDER") from error
        return folder
    raise ConfigError(f"too many runs at once in {reports}", hint="use --run-dir FOLDER")
