"""A cell and the pins that it needs, for the tests of what is made of them."""

from __future__ import annotations

from harness.matrix.cells import Cell
from harness.matrix.pins import CPythonPin, Pins, RuntimePin, WasiSdkArchive, WasiSdkPin
from harness.matrix.python_source import PythonSource
from harness.targets import Engine, Target
from harness.toolchains.wasi import release

CELL = Cell(
    id="wasi",
    target=Target.WASI,
    engine=Engine.WASMTIME,
    toolchain="25",
    python=PythonSource.parse("3.13.5"),
    runtime="50.0.1",
    description="for tests",
)
CPYTHON = CPythonPin(
    version="3.13.5",
    url="https://source.example.org/a.tgz",
    sha256="ab" * 32,
    apt_suite="trixie",
    apt_source="python3.13",
    apt_file="a.tgz",
)
SDK = WasiSdkPin(
    version="25",
    llvm="19.1",
    wasi_libc="574b88d",
    evidence="e",
    apt_suite="trixie",
    apt_packages=("clang-19",),
)
ARCHIVE = WasiSdkArchive(
    version="25", platform=release.platform_name(), url="https://sdk.example.org/sdk.tgz", sha256="ab" * 32
)
RUNTIME = RuntimePin(name="wasmtime", version="50.0.1", sha256=("ab" * 32,))
PINS = Pins(cpython=(CPYTHON,), wasi_sdk=(SDK,), wasi_sdk_archive=(ARCHIVE,), runtime=(RUNTIME,))
