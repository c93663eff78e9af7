"""CPython for Emscripten under Node, as 3.11 to 3.13 build it: the steps of `Tools/wasm/wasm_build.py`, computed.

The arguments and the environment are those of the script's profiles `emscripten-node-*` (facts from
Tools/wasm/wasm_build.py and configure.ac of 3.13.5); how the interpreter is linked is not, for reasons that
`DEPARTURES` gives.
"""

from __future__ import annotations

import dataclasses

from packaging.version import Version

from harness.build.environment import clean_build_env
from harness.build.recipes.libraries import configure_variables
from harness.build.recipes.model import (
    CACHE_FILE_NOTE,
    NOT_WRITTEN,
    HostBuild,
    Layout,
    Recipe,
    Step,
    make_step,
    passed_on,
)
from harness.matrix.cells import Cell, Library
from harness.targets import Target
from harness.util.process import Command
from harness.util.versions import number

VERSION = 3
HOST_TRIPLE = "wasm32-unknown-emscripten"
# `program` is the ES6 module that makes an interpreter.
LAYOUT = Layout(
    build_folder="cross-build/wasm32-emscripten",
    program="cross-build/wasm32-emscripten/python.mjs",
    wasm="cross-build/wasm32-emscripten/python.wasm",
)

# Given as LINKFORSHARED: configure adds its own to it, and the Makefile puts it behind LDFLAGS_NODIST, whose
# -sNODERAWFS it so takes back. It counts for the link of the interpreter alone, not for those of extension modules.
LINK_FLAGS = (
    "-sNODERAWFS=0",
    "-sMODULARIZE",
    "-sEXPORT_ES6",
    "-sSTACK_SIZE=5MB",
    "-sTEXTDECODER=2",
    "-sEXPORTED_RUNTIME_METHODS=FS,callMain,ENV",
)
# The names of functions show where a guest trapped, and what to export so that it can go on from a snapshot. As the C
# library the option stands behind CPython's own -g0, which from Emscripten 6 on would take it back.
NAMES_ARGUMENT = "--with-libc=--profiling-funcs"
NAMES_NOTE = "linked with --profiling-funcs: the names of functions, which change nothing that runs"
FAKE_DYLIBS_NOTE = (
    "from Emscripten 6.0.0 on, and without dynamic linking, extension modules are linked with -sFAKE_DYLIBS, as "
    "before by default: -shared gives plain objects, which nothing loads"
)
NO_PORTS_NOTE = (
    "the ports of Emscripten for zlib, bzip2 and sqlite3 are not used: emcc downloads them unpinned while it compiles"
)
DEPARTURES = (
    f"Tools/wasm/wasm_build.py itself is not run: {NOT_WRITTEN}",
    (
        "linked with -sNODERAWFS=0: with the host's files as its own the guest would reach all of them, and on "
        "Emscripten 3.1.69 it has no standard streams; the harness mounts folders with NODEFS instead"
    ),
    (
        "linked with -sMODULARIZE -sEXPORT_ES6 -sEXPORTED_RUNTIME_METHODS=FS,callMain,ENV and the suffix .mjs, as "
        "CPython 3.14 does: the engine makes one instance for each module of the suite"
    ),
    (
        "linked with -sSTACK_SIZE=5MB -sTEXTDECODER=2, as CPython 3.14 does: from Emscripten 3.1.27 on the default "
        "stack is 64 KiB, on which CPython does not start"
    ),
    "HOSTRUNNER is plain `node`: configure would add options that newer Nodes do not know",
    CACHE_FILE_NOTE,
    FAKE_DYLIBS_NOTE,
    NO_PORTS_NOTE,
    NAMES_NOTE,
)

# libffi calls functions and makes closures in JavaScript, and names there what Emscripten leaves out unless it is asked
# for. The last of two -sEXPORTED_RUNTIME_METHODS counts. With dynamic linking all of it is there anyway.
LIBFFI_LINK_FLAGS = (
    "-sALLOW_TABLE_GROWTH",
    "-sEXPORTED_FUNCTIONS=_main,_malloc,_free",
    "-sEXPORTED_RUNTIME_METHODS=FS,callMain,ENV,stackAlloc,stackSave,stackRestore",
)
# The target of configure, and so of a cell's `configure`, by which trees until 3.13 make the web example.
BROWSER_TARGET = "--with-emscripten-target=browser"
# Where in its build folder the web example is linked with the stack that CPython has from 3.14 on.
LARGER_STACK = "larger-stack"
_LIBFFI_DEPARTURE = f"linked with {' '.join(LIBFFI_LINK_FLAGS)}, which libffi needs for calls and closures"
ONCE_NOTE = (
    "make gets MODULE_BINASCII_LDFLAGS=: with -sMAIN_MODULE every archive is linked whole, and so must be named once"
)

# From here on -shared makes real dynamic libraries, and refuses objects that were compiled without -fPIC, which CPython
# compiles only for dynamic linking (Emscripten's ChangeLog.md, 6.0.0).
_REAL_DYLIBS = Version("6")


def emscripten_recipe(cell: Cell, host: HostBuild) -> Recipe:
    """The steps `configure-host` and `make-host` for this cell. The host's environment has the toolchain in it."""
    work = host.view / LAYOUT.build_folder
    env = configure_environment(host)
    configure = (
        "emconfigure",
        "../../configure",
        f"--host={HOST_TRIPLE}",
        f"--build={host.build_triple}",
        f"--with-build-python={host.build_python}",
        f"--cache-file={host.cache_file}",
        "--with-emscripten-target=node",
        "--with-suffix=.mjs",
        NAMES_ARGUMENT,
        switch("wasm-dynamic-linking", on=cell.dynamic_linking),
        switch("wasm-pthreads", on=cell.pthreads),
        *(("--with-pydebug",) if cell.pydebug else ()),
        *configure_variables(host.libraries),
        *shared_objects(cell),
        *passed_on(cell),
    )
    return Recipe(
        name="emscripten-classic",
        version=VERSION,
        steps=(
            Step(name="configure-host", command=Command(argv=configure, cwd=work, env=env)),
            make_step(host, work, env, *once(cell, host)),
        ),
        departures=(
            *DEPARTURES,
            *((_LIBFFI_DEPARTURE,) if Library.LIBFFI in host.libraries else ()),
            *((ONCE_NOTE,) if once(cell, host) else ()),
        ),
    )


def web_example_recipe(cell: Cell, host: HostBuild) -> Recipe:
    """The profile `emscripten-browser` of wasm_build.py for this cell: its interpreter is a script for a page, with its
    library packed into `python.data`, and `make all` makes the page too.

    It is linked as CPython links it, and once more into `LARGER_STACK`. Both are without the ports of Emscripten.
    """
    node = emscripten_recipe(cell, host)
    configure, make = (step.command for step in node.steps)
    env = {key: value for key, value in configure.env.items() if key != "LINKFORSHARED"}
    left_out = ("--with-emscripten-target=node", "--with-suffix=.mjs", NAMES_ARGUMENT)
    configure_argv = tuple(word for word in configure.argv if word not in left_out)
    program = f"{LARGER_STACK}/python.js"
    relink = ("make", *once(cell, host), "LDFLAGS=-sSTACK_SIZE=5MB", f"BUILDPYTHON={program}", program)
    return Recipe(
        name="emscripten-web-example",
        version=VERSION,
        steps=(
            Step(name="configure-host", command=dataclasses.replace(configure, argv=configure_argv, env=env)),
            Step(name="make-host", command=dataclasses.replace(make, env=env)),
            Step(name="make-folder", command=dataclasses.replace(make, argv=("mkdir", "-p", LARGER_STACK), env=env)),
            Step(name="link-larger-stack", command=dataclasses.replace(make, argv=relink, env=env)),
        ),
        departures=(CACHE_FILE_NOTE, NO_PORTS_NOTE),
    )


def switch(feature: str, *, on: bool) -> str:
    """configure's option for a feature, said either way: left out, configure would decide by itself."""
    return f"--{'enable' if on else 'disable'}-{feature}"


def once(cell: Cell, host: HostBuild) -> tuple[str, ...]:
    """make's argument for what ONCE_NOTE says."""
    return ("MODULE_BINASCII_LDFLAGS=",) if cell.dynamic_linking and Library.ZLIB in host.libraries else ()


def shared_objects(cell: Cell) -> tuple[str, ...]:
    """What `-shared` is to make: see FAKE_DYLIBS_NOTE."""
    fake = Version(number(cell.toolchain)) >= _REAL_DYLIBS and not cell.dynamic_linking
    return ("BLDSHARED=$(CC) -shared -sFAKE_DYLIBS",) if fake else ()


def configure_environment(host: HostBuild) -> dict[str, str]:
    """The environment that wasm_build.py gives to configure and make, with our link flags."""
    link_flags = (*LINK_FLAGS, *(LIBFFI_LINK_FLAGS if Library.LIBFFI in host.libraries else ()))
    return {
        **clean_build_env(host.env),
        "CONFIG_SITE": str(host.view / host.tree.config_site(Target.EMSCRIPTEN)),
        "HOSTRUNNER": "node",
        "LINKFORSHARED": " ".join(link_flags),
        # emscripten#17635: what is compiled in must not depend on the local time zone.
        "TZ": "UTC",
    }


def guest_environment() -> dict[str, str]:
    """What the guest's environment needs besides Emscripten's own.

    Emscripten takes LANG from the `navigator` of JavaScript, which Node has from version 21 on.
    """
    return {"LANG": "C.UTF-8"}
