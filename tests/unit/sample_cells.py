"""A cell of each target."""

from __future__ import annotations

from harness.matrix import Cell, Target

WASI = Cell(
    id="wasi",
    target=Target.WASI,
    toolchain="25.0",
    python="3.13.5",
    runtime="50.0.1",
    description="the default",
    tags=("wasi", "nightly"),
)
EMSCRIPTEN = Cell(
    id="emscripten-3.1.73",
    target=Target.EMSCRIPTEN,
    toolchain="3.1.73",
    python="3.13.5",
    runtime="22.14.0",
    description="the default",
)
