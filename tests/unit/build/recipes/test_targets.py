"""Every target has, for every layout, its recipe and its environment."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from harness.build.recipes.cpython_tree import Tree
from harness.build.recipes.model import HostBuild
from harness.build.recipes.targets import (
    guest_environment,
    host_recipe,
    layout_of,
    recipe_version,
    seen_by_configure,
)
from harness.errors import ConfigError
from harness.matrix.cells import Cell
from harness.matrix.python_source import PythonSource
from harness.targets import Target
from tests.unit.sample_trees import EARLY_314, PY311, PY313, PY314, PY315, tree


def cell_of(target: Target) -> Cell:
    return Cell(
        id="x",
        target=target,
        toolchain="1",
        python=PythonSource.parse("3.13.5"),
        engine=target.traits.engines[0],
        runtime="1",
        description="",
    )


HOST = HostBuild(
    view=Path("/view"),
    tree=PY313,
    build_python=Path("/native/python"),
    build_triple="x86_64-pc-linux-gnu",
    sdk=Path("/sdk"),
    env={"PATH": "/bin"},
    jobs=2,
    cache_file=Path("/build/config.cache"),
)
EVERY = pytest.mark.parametrize(
    ("target", "source"),
    [(target, source) for target in Target for source in (PY311, PY313, EARLY_314, PY314, PY315)],
)


@EVERY
def test_every_recipe_configures_and_makes_in_its_build_folder(target: Target, source: Tree) -> None:
    recipe = host_recipe(cell_of(target), dataclasses.replace(HOST, tree=source))
    layout = layout_of(target, source)
    assert [step.name for step in recipe.steps] == ["configure-host", "make-host"]
    assert {step.command.cwd for step in recipe.steps} == {HOST.view / layout.build_folder}
    assert layout.program.startswith(f"{layout.build_folder}/")
    assert layout.wasm.endswith(".wasm")
    assert any("--cache-file=/build/config.cache" in argument for argument in recipe.steps[0].command.argv)
    assert recipe.version == recipe_version(target)
    assert recipe.departures


@EVERY
def test_configure_is_called_from_as_deep_as_getpath_looks_for_the_library(target: Target, source: Tree) -> None:
    """A script that is run computes that path itself, from the folder in which the layout has the build."""
    configure = host_recipe(cell_of(target), dataclasses.replace(HOST, tree=source)).steps[0].command
    called = [argument for argument in configure.argv if argument.endswith("/configure")]
    assert configure.cwd
    assert [(configure.cwd / path).resolve() for path in called] in ([HOST.view / "configure"], [])


@pytest.mark.parametrize("target", list(Target))
def test_a_tree_of_no_known_layout_has_neither_layout_nor_recipe(target: Target) -> None:
    unknown = tree({"Tools/wasm/config.site-wasm32-wasi": ""})
    with pytest.raises(ConfigError, match="the layout is not known"):
        layout_of(target, unknown)
    with pytest.raises(ConfigError, match="the layout is not known"):
        host_recipe(cell_of(target), dataclasses.replace(HOST, tree=unknown))


def test_the_guest_s_environment_is_its_target_s() -> None:
    assert guest_environment(Target.WASI, PY313, "/lib") == {"PYTHONPATH": "/lib"}
    assert "PYTHONPATH" not in guest_environment(Target.EMSCRIPTEN, PY313, "/lib")


@pytest.mark.parametrize(
    ("target", "changes", "shared"),
    [
        (Target.EMSCRIPTEN, {"pthreads": True}, True),
        (Target.EMSCRIPTEN, {"dynamic_linking": True}, True),
        (Target.EMSCRIPTEN, {"pydebug": True}, False),
        (Target.EMSCRIPTEN, {"configure": ("--without-pymalloc",)}, False),
        (Target.WASI, {"pthreads": True}, False),
        (Target.WASI, {"pydebug": True}, False),
    ],
)
def test_cells_share_configure_s_answers_where_its_tests_see_no_difference(
    target: Target, changes: dict[str, Any], shared: bool
) -> None:
    cell = cell_of(target)
    assert (seen_by_configure(cell) == seen_by_configure(dataclasses.replace(cell, **changes))) is shared
