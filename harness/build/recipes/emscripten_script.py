"""CPython for Emscripten under Node, as 3.14 and later build it: their own script is run for `configure-host`.

That is `Tools/wasm/emscripten` until 3.14.3 and `Platforms/emscripten` from 3.14.4 on. The interpreter is linked as
CPython links it: an ES6 module that makes instances, without the host's files. What the harness must decide follows the
script's own arguments for configure, and so wins over them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.build.environment import clean_build_env
from harness.build.recipes.cpython_tree import TRAMPOLINE, Script, Tree
from harness.build.recipes.emscripten import (
    FAKE_DYLIBS_NOTE,
    NAMES_ARGUMENT,
    NAMES_NOTE,
    NO_PORTS_NOTE,
    ONCE_NOTE,
    VERSION,
    once,
    shared_objects,
    switch,
)
from harness.build.recipes.libraries import configure_variables
from harness.build.recipes.model import (
    CACHE_FILE_NOTE,
    HostBuild,
    Layout,
    Recipe,
    Step,
    make_step,
    other_pin,
    outside_git,
    passed_on,
    run_note,
)
from harness.errors import BuildError
from harness.matrix.cells import Cell
from harness.targets import Target
from harness.util.process import Command

BUILD_SCRIPTS = frozenset({Script.TOOLS_EMSCRIPTEN, Script.PLATFORMS_EMSCRIPTEN})
_FOLDER = "cross-build/wasm32-emscripten/build/python"
LAYOUT = Layout(build_folder=_FOLDER, program=f"{_FOLDER}/python.mjs", wasm=f"{_FOLDER}/python.wasm")
_TRAMPOLINE_LLVM = 22

# The script takes its options from these, too, and looks for another Node.
_OPTIONS = frozenset({"CROSS_BUILD_DIR", "EMSDK_CACHE", "PYTHON_NODE_VERSION", "QUIET"})

_DEPARTURES = (
    "make-libffi and make-mpdec are left out: what a cell is linked with is the harness's own, of pinned sources",
    "HOSTRUNNER is plain `node`, and neither python.sh nor node_entry.mjs is used: they mount all of the host's files",
    CACHE_FILE_NOTE,
    NO_PORTS_NOTE,
    NAMES_NOTE,
)


def script_recipe(cell: Cell, host: HostBuild) -> Recipe:
    """The steps `configure-host` and `make-host` for this cell. The host's environment has the toolchain in it."""
    script = host.tree.script(Target.EMSCRIPTEN)
    work = host.view / LAYOUT.build_folder
    env = {name: value for name, value in clean_build_env(host.env).items() if name not in _OPTIONS}
    env |= outside_git(host)
    run = (str(host.build_python), str(host.view / script.folder), "configure-host", "--host-runner", "node", "--")
    arguments = (
        f"--cache-file={host.cache_file}",
        NAMES_ARGUMENT,
        *_own_cflags(host.tree.texts[script]),
        switch("wasm-dynamic-linking", on=cell.dynamic_linking),
        switch("wasm-pthreads", on=cell.pthreads),
        *(("--with-pydebug",) if cell.pydebug else ()),
        *configure_variables(host.libraries),
        *shared_objects(cell),
        *passed_on(cell),
    )
    command = Command(argv=(*run, *arguments), cwd=work, env=env)
    # Where the cell's flags are not what the script would take.
    static = "linked statically, because the cell is: CPython's own build has dynamic linking"
    threads = "with pthreads, because the cell is: CPython's own build has none"
    return Recipe(
        name="emscripten-script",
        version=VERSION,
        steps=(Step(name="configure-host", command=command), make_step(host, work, env, *once(cell, host))),
        departures=(
            run_note(script),
            *_DEPARTURES,
            *(() if cell.dynamic_linking else (static,)),
            *((FAKE_DYLIBS_NOTE,) if shared_objects(cell) else ()),
            *((threads,) if cell.pthreads else ()),
            *((ONCE_NOTE,) if once(cell, host) else ()),
            *other_pin(cell, host.tree),
        ),
    )


def _own_cflags(script: str) -> tuple[str, ...]:
    """The script's own CFLAGS without the ports in them; nothing where it names none."""
    found = re.search(r'"CFLAGS=([^"]*)"', script)
    words = found[1].split() if found else []
    kept = [word for word in words if not word.startswith("-sUSE_")]
    return (f"CFLAGS={' '.join(kept)}",) if kept != words else ()


def check_llvm(tree: Tree, facts: Mapping[str, str]) -> None:
    """BuildError when the toolchain's clang, whose version is in `facts`, cannot compile what the tree has for it."""
    llvm = facts.get("llvm", "")
    if TRAMPOLINE in tree.texts and llvm and int(llvm.split(".")[0]) < _TRAMPOLINE_LLVM:
        raise BuildError(
            f"{tree.name} cannot be built with LLVM {llvm}: {TRAMPOLINE} needs clang {_TRAMPOLINE_LLVM} or later "
            "(__builtin_wasm_test_function_pointer_signature)",
            hint="Debian's Emscripten comes with an older LLVM than the official one: use --provider emsdk",
        )
