"""Which recipe, layout and environment belong to which target. Pure; the one place that knows all targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.matrix import Cell, Target
from harness.recipes import HostBuild, Layout, Recipe, emscripten, wasi

_RECIPES: Mapping[Target, Callable[[Cell, HostBuild], Recipe]] = {
    Target.WASI: wasi.wasi_recipe,
    Target.EMSCRIPTEN: emscripten.emscripten_recipe,
}
_LAYOUTS = {Target.WASI: wasi.LAYOUT, Target.EMSCRIPTEN: emscripten.LAYOUT}
_VERSIONS = {Target.WASI: wasi.VERSION, Target.EMSCRIPTEN: emscripten.VERSION}


def host_recipe(cell: Cell, host: HostBuild) -> Recipe:
    """The steps of this cell's cross build."""
    return _RECIPES[cell.target](cell, host)


def layout_of(target: Target) -> Layout:
    """Where things lie in a build of this target."""
    return _LAYOUTS[target]


def recipe_version(target: Target) -> int:
    """The version of this target's recipe."""
    return _VERSIONS[target]


def guest_environment(cell: Cell, series: str) -> dict[str, str]:
    """The environment that the interpreter needs to find itself. `series` is that of the CPython that was built."""
    if cell.target is Target.WASI:
        return wasi.guest_environment(series, pydebug=cell.pydebug)
    return emscripten.guest_environment()


def seen_by_configure(cell: Cell) -> dict[str, object]:
    """What of a cell changes the answers of configure's own tests, which cells that agree in it share.

    On Emscripten threads and dynamic linking are not among it (configure.ac of 3.13.5): their flags are in
    CFLAGS_NODIST, LDFLAGS_NODIST and LINKFORSHARED, with which configure tests nothing, and the one answer that depends
    on them, ac_cv_func_dlopen, it sets by itself whatever the cache says. On WASI the flags of threads are in CFLAGS.
    """
    seen: dict[str, object] = {"pydebug": cell.pydebug, "configure": cell.configure}
    return seen if cell.target is Target.EMSCRIPTEN else seen | {"pthreads": cell.pthreads}
