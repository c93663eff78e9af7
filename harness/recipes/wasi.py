"""CPython for WASI: the steps of `Tools/wasm/wasi.py` (3.13), computed instead of run.

The script insists on building below its checkout, which must stay unwritten; and it looks for a wasmtime
program, which the harness does not need. Its arguments and environment are kept (facts from
Tools/wasm/wasi.py of 3.13.5).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.matrix import Cell
from harness.process import Command
from harness.recipes import Recipe, Step

VERSION = 1
HOST_TRIPLE = "wasm32-wasip1"
# Below the root of the guest, two levels deep as in a checkout: getpath finds the library by `../..`.
BUILD_FOLDER = f"cross-build/{HOST_TRIPLE}"
WASM = f"{BUILD_FOLDER}/python.wasm"


@dataclass(frozen=True, kw_only=True)
class WasiPlaces:
    """Where a WASI build happens. `view` is a folder that looks like the checkout; `sdk` has the WASI SDK's
    shape.
    """

    view: Path
    sdk: Path
    build_python: Path
    build_triple: str

    @property
    def work(self) -> Path:
        return self.view / BUILD_FOLDER


def wasi_recipe(
    cell: Cell, places: WasiPlaces, *, env: Mapping[str, str], jobs: int, cache_file: Path
) -> Recipe:
    """The steps `configure-host` and `make-host` for this cell."""
    host_env = wasi_environment(places, env)
    configure = (
        "../../configure",
        f"--host={HOST_TRIPLE}",
        f"--build={places.build_triple}",
        f"--with-build-python={places.build_python}",
        f"--cache-file={cache_file}",
        *(("--with-pydebug",) if cell.pydebug else ()),
        *(("--enable-wasm-pthreads",) if cell.pthreads else ()),
        *cell.configure,
    )
    make = ("make", "--jobs", str(jobs), "all")
    return Recipe(
        name="wasi",
        version=VERSION,
        steps=(
            Step(name="configure-host", command=Command(argv=configure, cwd=places.work, env=host_env)),
            Step(name="make-host", command=Command(argv=make, cwd=places.work, env=host_env)),
        ),
        departures=(
            "Tools/wasm/wasi.py is not run itself: it builds below the checkout, which is never written to",
            "configure gets a cache file, which its results do not depend on",
            "HOSTRUNNER names no program: the harness runs python.wasm itself",
            "make runs with configure's environment too: the compiler's folder must stay in PATH",
        ),
    )


def wasi_environment(places: WasiPlaces, env: Mapping[str, str]) -> dict[str, str]:
    """The environment that wasi.py gives to configure, on top of `env`."""
    sysroot = places.sdk / "share" / "wasi-sysroot"
    bin_folder = places.sdk / "bin"
    compilers = {"CC": "clang", "CPP": "clang-cpp", "CXX": "clang++"}
    changed = {name: f"{bin_folder / program} --sysroot={sysroot}" for name, program in compilers.items()}
    changed |= {
        "AR": str(bin_folder / "llvm-ar"),
        "RANLIB": str(bin_folder / "ranlib"),
        "PKG_CONFIG_PATH": "",
        "PKG_CONFIG_LIBDIR": os.pathsep.join(
            [str(sysroot / "lib/pkgconfig"), str(sysroot / "share/pkgconfig")]
        ),
        "PKG_CONFIG_SYSROOT_DIR": str(sysroot),
        "WASI_SDK_PATH": str(places.sdk),
        "WASI_SYSROOT": str(sysroot),
        "PATH": os.pathsep.join([str(bin_folder), env.get("PATH", os.defpath)]),
        "CONFIG_SITE": str(places.view / "Tools/wasm/config.site-wasm32-wasi"),
        "HOSTRUNNER": "wasmtime run",
    }
    base = {
        key: value
        for key, value in env.items()
        if key not in {"PYTHONHOME", "PYTHONPATH", "CFLAGS", "LDFLAGS"}
    }
    return base | changed


def guest_environment(python_series: str, *, pydebug: bool) -> dict[str, str]:
    """What wasi.py's HOSTRUNNER passes into the guest: where the configured sysconfig data lies."""
    suffix = "-pydebug" if pydebug else ""
    return {"PYTHONPATH": f"/{BUILD_FOLDER}/build/lib.wasi-wasm32-{python_series}{suffix}"}


# Bytes of wasm stack that CPython's own runner asks for, by series (Tools/wasm/wasi.py and Platforms/WASI).
_WASM_STACK = {"3.11": 8 << 20, "3.12": 8 << 20, "3.13": 8 << 20, "3.14": 16 << 20}


def wasm_stack(python_series: str) -> int:
    """`max-wasm-stack` in bytes for a CPython series."""
    return _WASM_STACK.get(python_series, 32 << 20)
