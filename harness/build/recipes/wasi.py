"""CPython for WASI: the steps of CPython's own script, whichever of them the tree has.

    3.11, 3.12    Tools/wasm/wasm_build.py      computed
    3.13          Tools/wasm/wasi.py            computed
    3.14          Tools/wasm/wasi               run, for configure-host
    3.15          Platforms/WASI                run, for configure-host

A computed step has the arguments and the environment of the script (facts from wasm_build.py of 3.11.2 and wasi.py
of 3.13.5). The newer ones take from the command line all that the harness must decide, and are run themselves.
"""

from __future__ import annotations

import os

from harness.build.environment import clean_build_env
from harness.build.recipes.cpython_tree import Script, Tree
from harness.build.recipes.model import (
    CACHE_FILE_NOTE,
    NOT_WRITTEN,
    HostBuild,
    Layout,
    Recipe,
    Step,
    make_step,
    other_pin,
    outside_git,
    passed_on,
)
from harness.matrix.cells import Cell
from harness.targets import Target
from harness.util.process import Command

VERSION = 1
_RUNNER = "wasmtime run"
_RUN = frozenset({Script.TOOLS_WASI, Script.PLATFORMS_WASI})
_DEPARTURES = (
    CACHE_FILE_NOTE,
    "HOSTRUNNER names no program: the harness runs python.wasm itself",
    "make runs with configure's environment too: the compiler's folder must stay in PATH",
)


def layout(tree: Tree) -> Layout:
    """Where a build lies: where the tree's script has it."""
    old = tree.script(Target.WASI) is Script.WASM_BUILD
    folder = "builddir/wasi" if old else f"cross-build/{tree.wasi_triple()}"
    return Layout(build_folder=folder, program=f"{folder}/python.wasm", wasm=f"{folder}/python.wasm")


def wasi_recipe(cell: Cell, host: HostBuild) -> Recipe:
    """The steps `configure-host` and `make-host` for this cell."""
    script = host.tree.script(Target.WASI)
    work = host.view / layout(host.tree).build_folder
    env = wasi_environment(host)
    arguments = (
        f"--cache-file={host.cache_file}",
        *(("--with-pydebug",) if cell.pydebug else ()),
        *(("--enable-wasm-pthreads",) if cell.pthreads else ()),
        *passed_on(cell),
    )
    if script in _RUN:
        about = (
            f"{script.folder} runs in a folder of links, and for configure-host only: its make-host starts HOSTRUNNER"
        )
        python, folder = str(host.build_python), str(host.view / script.folder)
        options = ("--wasi-sdk", str(host.sdk), "--host-runner", _RUNNER, "--host-triple", host.tree.wasi_triple())
        configure = (python, folder, "configure-host", *options, "--")
    else:
        about = f"{script} is not run itself: {NOT_WRITTEN}"
        configure = (
            *(("../../Tools/wasm/wasi-env",) if script is Script.WASM_BUILD else ()),
            "../../configure",
            f"--host={host.tree.wasi_triple()}",
            f"--build={host.build_triple}",
            f"--with-build-python={host.build_python}",
        )
    command = Command(argv=(*configure, *arguments), cwd=work, env=env)
    return Recipe(
        name="wasi",
        version=VERSION,
        steps=(Step(name="configure-host", command=command), make_step(host, work, env)),
        departures=(about, *_DEPARTURES, *other_pin(cell, host.tree)),
    )


def wasi_environment(host: HostBuild) -> dict[str, str]:
    """The environment that the script gives to configure, on top of the host's."""
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
        "CONFIG_SITE": str(host.view / host.tree.config_site(Target.WASI)),
        "HOSTRUNNER": _RUNNER,
    }
    return clean_build_env(host.env) | changed | outside_git(host)


def guest_environment(tree: Tree, sysconfig: str) -> dict[str, str]:
    """What the script's own runner passes into the guest: `sysconfig`, the path of the folder with the sysconfig data.

    Platforms/WASI passes argv[0] instead, from which getpath finds that folder.
    """
    script = tree.script(Target.WASI)
    library = ":/Lib" if script is Script.WASM_BUILD else ""
    return {} if script is Script.PLATFORMS_WASI else {"PYTHONPATH": f"{sysconfig}{library}"}
