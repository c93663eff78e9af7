"""CPython for WASI: the steps of `Tools/wasm/wasi.py` (3.13), computed instead of run.

The script insists on building below its checkout, which must stay unwritten; and it looks for a wasmtime
program, which the harness does not need. Its arguments and environment are kept (facts from
Tools/wasm/wasi.py of 3.13.5).
"""

from __future__ import annotations

import os

from harness.matrix import Cell
from harness.process import Command
from harness.recipes import HostBuild, Layout, Recipe, Step

VERSION = 1
HOST_TRIPLE = "wasm32-wasip1"
LAYOUT = Layout(
    build_folder=f"cross-build/{HOST_TRIPLE}",
    program=f"cross-build/{HOST_TRIPLE}/python.wasm",
    wasm=f"cross-build/{HOST_TRIPLE}/python.wasm",
)


def wasi_recipe(cell: Cell, host: HostBuild) -> Recipe:
    """The steps `configure-host` and `make-host` for this cell."""
    work = host.view / LAYOUT.build_folder
    env = wasi_environment(host)
    configure = (
        "../../configure",
        f"--host={HOST_TRIPLE}",
        f"--build={host.build_triple}",
        f"--with-build-python={host.build_python}",
        f"--cache-file={host.cache_file}",
        *(("--with-pydebug",) if cell.pydebug else ()),
        *(("--enable-wasm-pthreads",) if cell.pthreads else ()),
        *cell.configure,
    )
    make = ("make", "--jobs", str(host.jobs), "all")
    return Recipe(
        name="wasi",
        version=VERSION,
        steps=(
            Step(name="configure-host", command=Command(argv=configure, cwd=work, env=env)),
            Step(name="make-host", command=Command(argv=make, cwd=work, env=env)),
        ),
        departures=(
            "Tools/wasm/wasi.py is not run itself: it builds below the checkout, which is never written to",
            "configure gets a cache file, which its results do not depend on",
            "HOSTRUNNER names no program: the harness runs python.wasm itself",
            "make runs with configure's environment too: the compiler's folder must stay in PATH",
        ),
    )


def wasi_environment(host: HostBuild) -> dict[str, str]:
    """The environment that wasi.py gives to configure, on top of the host's."""
    sysroot = host.sdk / "share" / "wasi-sysroot"
    bin_folder = host.sdk / "bin"
    compilers = {"CC": "clang", "CPP": "clang-cpp", "CXX": "clang++"}
    changed = {name: f"{bin_folder / program} --sysroot={sysroot}" for name, program in compilers.items()}
    changed |= {
        "AR": str(bin_folder / "llvm-ar"),
        "RANLIB": str(bin_folder / "ranlib"),
        "PKG_CONFIG_PATH": "",
        "PKG_CONFIG_LIBDIR": os.pathsep.join([str(sysroot / "lib/pkgconfig"), str(sysroot / "share/pkgconfig")]),
        "PKG_CONFIG_SYSROOT_DIR": str(sysroot),
        "WASI_SDK_PATH": str(host.sdk),
        "WASI_SYSROOT": str(sysroot),
        "PATH": os.pathsep.join([str(bin_folder), host.env.get("PATH", os.defpath)]),
        "CONFIG_SITE": str(host.view / "Tools/wasm/config.site-wasm32-wasi"),
        "HOSTRUNNER": "wasmtime run",
    }
    base = {
        key: value for key, value in host.env.items() if key not in {"PYTHONHOME", "PYTHONPATH", "CFLAGS", "LDFLAGS"}
    }
    return base | changed


def guest_environment(python_series: str, *, pydebug: bool) -> dict[str, str]:
    """What wasi.py's HOSTRUNNER passes into the guest: where the configured sysconfig data lies."""
    suffix = "-pydebug" if pydebug else ""
    return {"PYTHONPATH": f"/{LAYOUT.build_folder}/build/lib.wasi-wasm32-{python_series}{suffix}"}


# Bytes of wasm stack that CPython's own runner asks for, by series (Tools/wasm/wasi.py and Platforms/WASI).
_WASM_STACK = {"3.11": 8 << 20, "3.12": 8 << 20, "3.13": 8 << 20, "3.14": 16 << 20}


def wasm_stack(python_series: str) -> int:
    """`max-wasm-stack` in bytes for a CPython series."""
    return _WASM_STACK.get(python_series, 32 << 20)
