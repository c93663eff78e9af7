"""The WASI recipe: the commands and the environment of CPython's own script."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.build.recipes.cpython_tree import Tree
from harness.build.recipes.model import HostBuild, Recipe
from harness.build.recipes.wasi import guest_environment, layout, wasi_recipe
from harness.matrix.cells import Cell
from harness.targets import Engine, Target
from harness.util.process import Command
from tests.unit.sample_trees import PY311, PY313, PY314, PY315

HOST = HostBuild(
    view=Path("/build/view"),
    tree=PY313,
    build_python=Path("/native/python"),
    build_triple="x86_64-pc-linux-gnu",
    sdk=Path("/sdk"),
    env={"PATH": "/usr/bin", "PYTHONPATH": "/mine", "HOME": "/home/me", "CFLAGS": "-march=native"},
    jobs=4,
    cache_file=Path("/cache"),
)


def recipe_of(tree: Tree = PY313, **fields: object) -> Recipe:
    values: dict[str, object] = {
        "id": "wasi",
        "target": Target.WASI,
        "toolchain": "25",
        "python": "3.13.5",
        "engine": Engine.WASMTIME,
        "runtime": "50.0.1",
        "description": "",
    }
    cell = Cell(**(values | fields))  # type: ignore[arg-type]
    return wasi_recipe(cell, dataclasses.replace(HOST, tree=tree))


def commands(tree: Tree = PY313, **fields: object) -> dict[str, Command]:
    return {step.name: step.command for step in recipe_of(tree, **fields).steps}


def test_the_steps_are_those_of_wasi_py() -> None:
    assert list(commands()) == ["configure-host", "make-host"]


def test_configure_is_called_by_a_relative_path_two_levels_below_the_tree() -> None:
    configure = commands()["configure-host"]
    assert configure.argv[0] == "../../configure"
    assert configure.cwd == Path("/build/view/cross-build/wasm32-wasip1")
    assert configure.argv[1:4] == (
        "--host=wasm32-wasip1",
        "--build=x86_64-pc-linux-gnu",
        "--with-build-python=/native/python",
    )


@pytest.mark.parametrize(
    ("fields", "argument"),
    [
        ({"pydebug": True}, "--with-pydebug"),
        ({"pthreads": True}, "--enable-wasm-pthreads"),
        ({"configure": ("--without-doc-strings",)}, "--without-doc-strings"),
    ],
)
def test_a_cell_s_flags_reach_configure(fields: dict[str, object], argument: str) -> None:
    assert argument in commands(PY313, **fields)["configure-host"].argv
    assert argument not in commands()["configure-host"].argv


def test_what_the_cell_gives_to_configure_comes_last_and_wins() -> None:
    assert commands(configure=("--with-x",), pydebug=True)["configure-host"].argv[-1] == "--with-x"


def test_the_environment_is_that_of_wasi_py() -> None:
    env = commands()["configure-host"].env
    assert env["CC"] == "/sdk/bin/clang --sysroot=/sdk/share/wasi-sysroot"
    assert env["CPP"].startswith("/sdk/bin/clang-cpp ")
    assert env["CXX"].startswith("/sdk/bin/clang++ ")
    assert (env["AR"], env["RANLIB"]) == ("/sdk/bin/llvm-ar", "/sdk/bin/ranlib")
    assert env["PKG_CONFIG_PATH"] == ""
    assert env["PATH"] == "/sdk/bin:/usr/bin"
    assert env["CONFIG_SITE"] == "/build/view/Tools/wasm/config.site-wasm32-wasi"
    assert env["HOME"] == "/home/me"


def test_what_would_leak_into_a_cross_build_is_left_out() -> None:
    assert not {"PYTHONPATH", "CFLAGS"} & set(commands()["configure-host"].env)


def test_make_uses_the_jobs() -> None:
    assert commands()["make-host"].argv == ("make", "--jobs", "4", "all")


def test_the_oldest_script_s_wrapper_sets_the_compiler_up() -> None:
    configure = commands(PY311)["configure-host"]
    assert configure.argv[:3] == ("../../Tools/wasm/wasi-env", "../../configure", "--host=wasm32-unknown-wasi")
    assert configure.cwd == Path("/build/view/builddir/wasi")
    assert configure.env["WASI_SDK_PATH"] == "/sdk"


@pytest.mark.parametrize(
    ("tree", "folder"), [(PY314, "/build/view/Tools/wasm/wasi"), (PY315, "/build/view/Platforms/WASI")]
)
def test_the_newer_scripts_are_run_themselves(tree: Tree, folder: str) -> None:
    configure = commands(tree, pydebug=True)["configure-host"]
    script, arguments = configure.argv[: configure.argv.index("--")], configure.argv[configure.argv.index("--") + 1 :]
    assert script[:3] == ("/native/python", folder, "configure-host")
    assert script[3:] == ("--wasi-sdk", "/sdk", "--host-runner", "wasmtime run", "--host-triple", "wasm32-wasip1")
    assert arguments == ("--cache-file=/cache", "--with-pydebug")
    assert configure.cwd == Path("/build/view/cross-build/wasm32-wasip1")
    assert configure.env["GIT_CEILING_DIRECTORIES"] == "/build"


@pytest.mark.parametrize(("tree", "way"), [(PY311, "is not run"), (PY313, "is not run"), (PY315, "runs in a folder")])
def test_what_is_done_with_the_script_is_the_first_departure(tree: Tree, way: str) -> None:
    assert way in recipe_of(tree).departures[0]


@pytest.mark.parametrize(("tree", "toolchain", "count"), [(PY314, "24", 0), (PY314, "25", 1), (PY313, "25", 0)])
def test_another_sdk_than_the_tree_pins_is_a_departure(tree: Tree, toolchain: str, count: int) -> None:
    pins = [line for line in recipe_of(tree, toolchain=toolchain).departures if "pins 24" in line]
    assert len(pins) == count


@pytest.mark.parametrize(
    ("tree", "environment"),
    [
        (PY311, {"PYTHONPATH": "/b/lib:/Lib"}),
        (PY313, {"PYTHONPATH": "/b/lib"}),
        (PY314, {"PYTHONPATH": "/b/lib"}),
        (PY315, {}),
    ],
)
def test_the_guest_finds_its_sysconfig_data_as_the_script_s_runner_has_it(
    tree: Tree, environment: dict[str, str]
) -> None:
    assert guest_environment(tree, "/b/lib") == environment


@pytest.mark.parametrize(("tree", "folder"), [(PY311, "builddir/wasi"), (PY313, "cross-build/wasm32-wasip1")])
def test_a_build_is_where_the_script_puts_it(tree: Tree, folder: str) -> None:
    assert layout(tree).build_folder == folder
    assert layout(tree).wasm == f"{folder}/python.wasm"
