"""Every target has its recipe, its layout and its environment."""

from __future__ import annotations

import dataclasses
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from harness.matrix import Cell, Target
from harness.recipes import HostBuild
from harness.recipes.targets import guest_environment, host_recipe, layout_of, recipe_version, seen_by_configure


def cell_of(target: Target) -> Cell:
    return Cell(id="x", target=target, toolchain="1", python="3.13.5", runtime="1", description="")


HOST = HostBuild(
    view=Path("/view"),
    build_python=Path("/native/python"),
    build_triple="x86_64-pc-linux-gnu",
    sdk=Path("/sdk"),
    env={"PATH": "/bin"},
    jobs=2,
    cache_file=Path("/build/config.cache"),
)


@pytest.mark.parametrize("target", list(Target))
def test_a_build_happens_two_levels_below_the_tree_where_getpath_looks_for_the_library(target: Target) -> None:
    layout = layout_of(target)
    assert len(PurePosixPath(layout.build_folder).parts) == 2
    assert layout.program.startswith(f"{layout.build_folder}/")
    assert layout.wasm.endswith(".wasm")


@pytest.mark.parametrize("target", list(Target))
def test_every_recipe_configures_and_makes_in_its_build_folder(target: Target) -> None:
    recipe = host_recipe(cell_of(target), HOST)
    assert [step.name for step in recipe.steps] == ["configure-host", "make-host"]
    assert {step.command.cwd for step in recipe.steps} == {HOST.view / layout_of(target).build_folder}
    assert any("--cache-file=/build/config.cache" in argument for argument in recipe.steps[0].command.argv)
    assert recipe.version == recipe_version(target)
    assert recipe.departures


def test_the_guest_s_environment_is_its_target_s() -> None:
    assert "PYTHONPATH" in guest_environment(cell_of(Target.WASI), "3.13")
    assert "PYTHONPATH" not in guest_environment(cell_of(Target.EMSCRIPTEN), "3.13")


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
