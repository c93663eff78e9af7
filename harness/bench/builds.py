"""How long builds take: a second cell after a first, and a checkout with one changed C file."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

from harness.build.cross_build import ensure_build
from harness.build.libraries import obtain_libraries
from harness.errors import BuildError, ConfigError
from harness.matrix.cells import Cell, Matrix
from harness.matrix.load import load_configuration
from harness.matrix.python_source import PythonSource
from harness.sources import obtain_source
from harness.toolchains import obtain_toolchain
from harness.util.cache import cache_root
from harness.util.process import Command, last_lines, run

SYSTEM_LIBRARIES = "emscripten-caches"
# A file that every CPython compiles once for the build Python and once for the target.
CHANGED_FILE = "Objects/boolobject.c"


def measure_second_cell(cell: str, folder: Path) -> None:
    """Builds the cell with nothing built before, then another one of the same toolchain and source.

    Both are made from what the cache has, into a cache of their own: source, toolchain with the system libraries of
    Emscripten, and libraries are there from before.
    """
    matrix, pins = load_configuration()
    cells = matrix.cell(cell), neighbour(matrix, matrix.cell(cell))
    real, empty = cache_root(), folder / "cache"
    empty.mkdir()
    (real / SYSTEM_LIBRARIES).mkdir(exist_ok=True)
    (empty / SYSTEM_LIBRARIES).symlink_to(real / SYSTEM_LIBRARIES)
    seconds = []
    for each in cells:
        source, toolchain = obtain_source(each.python, pins, real), obtain_toolchain(each, pins, real)
        jobs = os.cpu_count() or 1
        libraries = obtain_libraries(each, toolchain, pins, real, jobs=jobs)
        start = time.monotonic()
        ensure_build(each, source, toolchain, empty, jobs=jobs, libraries=libraries)
        seconds.append(time.monotonic() - start)
    print(f"{cells[0].id}, nothing built before: {seconds[0]:7.1f} s")
    print(f"{cells[1].id}, after it: {seconds[1]:7.1f} s")
    print(f"ratio:    {seconds[1] / seconds[0]:7.2f}")


def neighbour(matrix: Matrix, first: Cell) -> Cell:
    """Another cell of the same target, toolchain and source, which is not known to be broken. ConfigError when the
    matrix has none.
    """

    def made_from(cell: Cell) -> tuple[str, str, PythonSource]:
        return cell.target, cell.toolchain, cell.python

    for cell in matrix.cells:
        if cell.id != first.id and not cell.broken and made_from(cell) == made_from(first):
            return cell
    raise ConfigError(
        f"the matrix has no second cell of {first.id}'s toolchain and source", hint="choose another cell, or add one"
    )


def measure_rebuild(cell: str, folder: Path) -> None:
    """Builds a checkout, changes one C file of it, and builds it again; then once more with nothing changed."""
    # A tree of the cell's own version. It stays where it is, so that the next benchmark finds it built.
    matrix, pins = load_configuration()
    source = obtain_source(matrix.cell(cell).python, pins, cache_root())
    checkout = folder.with_name("checkout") / source.id
    if not checkout.is_dir():
        shutil.copytree(source.root, checkout, symlinks=True)
    for path in (checkout, *checkout.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)
    for what in ("a checkout", "one C file changed", "nothing changed"):
        if what == "one C file changed":
            with (checkout / CHANGED_FILE).open("a", encoding="utf-8") as stream:
                stream.write(f"\n/* {time.time()} */\n")
        print(f"build of {what}: {build(cell, folder, '--cpython', str(checkout)):.1f} s", flush=True)


def build(cell: str, folder: Path, *options: str) -> float:
    """Seconds that `python -m harness build` takes. BuildError when it fails."""
    log = folder / "build.log"
    done = run(Command(argv=(sys.executable, "-m", "harness", "build", cell, *options), cwd=Path.cwd()), log=log)
    if not done.ok:
        raise BuildError(f"the build of {cell} {done.ending}:\n{last_lines(log)}", hint=f"the whole log: {log}")
    return done.seconds
