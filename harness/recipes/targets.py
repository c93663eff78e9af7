"""Which recipe, layout and environment belong to which target. Pure; the one place that knows all targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.matrix import Cell, Target
from harness.recipes import HostBuild, Layout, Recipe, emscripten, wasi


def _emscripten_recipe(cell: Cell, host: HostBuild) -> Recipe:
    places = emscripten.EmscriptenPlaces(view=host.view, build_python=host.build_python, build_triple=host.build_triple)
    return emscripten.emscripten_recipe(
        cell, places, env=host.env, toolchain={}, jobs=host.jobs, cache_file=host.cache_file
    )


_EMSCRIPTEN_LAYOUT = Layout(build_folder=emscripten.BUILD_FOLDER, program=emscripten.MODULE, wasm=emscripten.WASM)
_RECIPES: Mapping[Target, Callable[[Cell, HostBuild], Recipe]] = {
    Target.WASI: wasi.wasi_recipe,
    Target.EMSCRIPTEN: _emscripten_recipe,
}
_LAYOUTS = {Target.WASI: wasi.LAYOUT, Target.EMSCRIPTEN: _EMSCRIPTEN_LAYOUT}
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
