"""Cells of each target."""

from __future__ import annotations

from harness.matrix.cells import Cell
from harness.matrix.python_source import PythonSource
from harness.targets import Engine, Target

WASI = Cell(
    id="wasi",
    target=Target.WASI,
    engine=Engine.WASMTIME,
    toolchain="25.0",
    python=PythonSource.parse("3.13.5"),
    runtime="50.0.1",
    description="the default",
    tags=("wasi", "nightly"),
)


def emscripten(
    version: str, *, runtime: str = "24.19.0", python: str = "3.13.5", pthreads: bool = False, description: str = ""
) -> Cell:
    """The cell of an Emscripten, under Node."""
    return Cell(
        id=f"emscripten-{version}{'-pthreads' if pthreads else ''}",
        target=Target.EMSCRIPTEN,
        engine=Engine.NODE,
        toolchain=version,
        python=PythonSource.parse(python),
        runtime=runtime,
        description=description,
        pthreads=pthreads,
    )


EMSCRIPTEN = emscripten("3.1.73", runtime="22.14.0", description="the default")
