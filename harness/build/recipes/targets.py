"""Which recipe, layout and environment belong to which target and tree. Pure; the one place that knows all targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.build.recipes import emscripten, emscripten_script, wasi
from harness.build.recipes.cpython_tree import Tree
from harness.build.recipes.model import HostBuild, Layout, Recipe
from harness.matrix.cells import Cell
from harness.targets import Target
from harness.util.versions import number


@dataclass(frozen=True, kw_only=True)
class _Recipes:
    """How one target is built, by the tree: the steps, where things lie, and the environment of a guest, in a build
    folder and where CPython is installed.
    """

    version: int
    steps: Callable[[Cell, HostBuild], Recipe]
    layout: Callable[[Tree], Layout]
    guest_environment: Callable[[Tree, str], dict[str, str]]
    installed_environment: Callable[[], dict[str, str]] = dict


def _emscripten_steps(cell: Cell, host: HostBuild) -> Recipe:
    if emscripten.BROWSER_TARGET in cell.configure:
        return emscripten.web_example_recipe(cell, host)
    has_own = _has_own_emscripten_script(host.tree)
    return emscripten_script.script_recipe(cell, host) if has_own else emscripten.emscripten_recipe(cell, host)


def _has_own_emscripten_script(tree: Tree) -> bool:
    return tree.script(Target.EMSCRIPTEN) in emscripten_script.BUILD_SCRIPTS


_RECIPES = {
    Target.WASI: _Recipes(
        version=wasi.VERSION,
        steps=wasi.wasi_recipe,
        layout=wasi.layout,
        guest_environment=wasi.guest_environment,
    ),
    Target.EMSCRIPTEN: _Recipes(
        version=emscripten.VERSION,
        steps=_emscripten_steps,
        layout=lambda tree: emscripten_script.LAYOUT if _has_own_emscripten_script(tree) else emscripten.LAYOUT,
        guest_environment=lambda _tree, _sysconfig: emscripten.guest_environment(),
        installed_environment=emscripten.guest_environment,
    ),
}


def host_recipe(cell: Cell, host: HostBuild) -> Recipe:
    """The steps of this cell's cross build."""
    return _RECIPES[cell.target].steps(cell, host)


def layout_of(target: Target, tree: Tree) -> Layout:
    """Where things lie in a build of this tree. ConfigError when its layout is not known."""
    return _RECIPES[target].layout(tree)


def recipe_version(target: Target) -> int:
    """The version of this target's recipe."""
    return _RECIPES[target].version


def guest_environment(target: Target, tree: Tree, sysconfig: str) -> dict[str, str]:
    """The environment that the interpreter needs to find itself.

    `sysconfig` is the path at which the guest has the folder with the sysconfig data.
    """
    return _RECIPES[target].guest_environment(tree, sysconfig)


def installed_environment(target: Target) -> dict[str, str]:
    """The environment that an interpreter needs whose library is in `/lib`. At the top of the guest's file system it
    does not find that by itself, and the prefix that it was configured with is not there.
    """
    return {"PYTHONHOME": "/", **_RECIPES[target].installed_environment()}


def guest_platform(target: Target, toolchain: str) -> str:
    """What `sysconfig.get_platform()` gives in the guest of a build by that version of the toolchain."""
    return target.traits.guest_platform(number(toolchain))


def seen_by_configure(cell: Cell) -> dict[str, object]:
    """What of a cell changes the answers of configure's own tests, which cells that agree in it share."""
    flags = cell.target.traits.flags_of_configure
    # What CPython links for a page or for Node is no matter of these tests.
    given = tuple(word for word in cell.configure if word != emscripten.BROWSER_TARGET)
    return {"configure": given, **{flag: getattr(cell, flag) for flag in flags}}
