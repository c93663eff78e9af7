"""All that lies between a cell's name and its first test."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.ask import ensure_identity
from harness.build import Build
from harness.build_cell import ensure_build, tree_of
from harness.cache import cache_root
from harness.dependencies import obtain_dependencies
from harness.errors import ConfigError
from harness.expectation_files import load_expectations
from harness.expectations import CellExpectations, Expectations
from harness.limitations import load_registry
from harness.matrix import Cell, Engine, Matrix, with_python
from harness.matrix_files import load_matrix
from harness.pins import Pins, load_pins
from harness.prepared import Prepared
from harness.run_folder import project_root
from harness.runtimes import obtain_runtime, own_node
from harness.sources import obtain_source
from harness.toolchains import obtain_toolchain


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
    # An entry stands there once for each of its tests.
    Expectations(tuple(dict.fromkeys(expectations.entries.values()))).check_modules(build.modules())
    return expectations
