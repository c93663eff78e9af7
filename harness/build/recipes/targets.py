"""Which recipe, layout and environment belong to which target and tree. Pure; the one place that knows all targets."""

from __future__ import annotations

from harness.build.recipes import emscripten, emscripten_script, wasi
from harness.build.recipes.cpython_tree import Tree
from harness.build.recipes.model import HostBuild, Layout, Recipe
from harness.matrix.cells import Cell, Target
from harness.util.versions import number

_VERSIONS = {Target.WASI: wasi.VERSION, Target.EMSCRIPTEN: emscripten.VERSION}


def host_recipe(cell: Cell, host: HostBuild) -> Recipe:
    """The steps of this cell's cross build."""
    if cell.target is Target.WASI:
        return wasi.wasi_recipe(cell, host)
    has_own = _has_own_emscripten_script(host.tree)
    return emscripten_script.script_recipe(cell, host) if has_own else emscripten.emscripten_recipe(cell, host)


def layout_of(target: Target, tree: Tree) -> Layout:
    """Where things lie in a build of this tree. ConfigError when its layout is not known."""
    if target is Target.WASI:
        return wasi.layout(tree)
    return emscripten_script.LAYOUT if _has_own_emscripten_script(tree) else emscripten.LAYOUT


def _has_own_emscripten_script(tree: Tree) -> bool:
    return tree.script(Target.EMSCRIPTEN) in emscripten_script.BUILD_SCRIPTS


def recipe_version(target: Target) -> int:
    """The version of this target's recipe."""
    return _VERSIONS[target]


def guest_environment(target: Target, tree: Tree, sysconfig: str) -> dict[str, str]:
    """The environment that the interpreter needs to find itself.

    `sysconfig` is the path at which the guest has the folder with the sysconfig data.
    """
    return wasi.guest_environment(tree, sysconfig) if target is Target.WASI else emscripten.guest_environment()


def guest_platform(target: Target, toolchain: str) -> str:
    """What `sysconfig.get_platform()` gives in the guest: the system, its release and the machine of `os.uname()`."""
    return f"emscripten-{number(toolchain)}-wasm32" if target is Target.EMSCRIPTEN else "wasi-0.0.0-wasm32"


def seen_by_configure(cell: Cell) -> dict[str, object]:
    """What of a cell changes the answers of configure's own tests, which cells that agree in it share.

    On Emscripten threads and dynamic linking are not among it (configure.ac of 3.13.5): their flags are in
    CFLAGS_NODIST, LDFLAGS_NODIST and LINKFORSHARED, with which configure tests nothing, and the one answer that depends
    on them, ac_cv_func_dlopen, it sets by itself whatever the cache says. On WASI the flags of threads are in CFLAGS.
    """
    seen: dict[str, object] = {"pydebug": cell.pydebug, "configure": cell.configure}
    return seen if cell.target is Target.EMSCRIPTEN else seen | {"pthreads": cell.pthreads}
