"""The WASI recipe: the commands and the environment of CPython's own script."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.matrix import Cell, Target
from harness.process import Command
from harness.recipes import HostBuild
from harness.recipes.wasi import guest_environment, wasi_recipe, wasm_stack

HOST = HostBuild(
    view=Path("/build/view"),
    build_python=Path("/native/python"),
    build_triple="x86_64-pc-linux-gnu",
    sdk=Path("/sdk"),
    env={"PATH": "/usr/bin", "PYTHONPATH": "/mine", "HOME": "/home/me", "CFLAGS": "-march=native"},
    jobs=4,
    cache_file=Path("/cache"),
)


def commands(**fields: object) -> dict[str, Command]:
    values: dict[str, object] = {
        "id": "wasi",
        "target": Target.WASI,
        "toolchain": "25",
        "python": "3.13.5",
        "runtime": "50.0.1",
        "description": "",
    }
    cell = Cell(**(values | fields))  # type: ignore[arg-type]
    recipe = wasi_recipe(cell, HOST)
    return {step.name: step.command for step in recipe.steps}


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
    assert argument in commands(**fields)["configure-host"].argv
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


def test_the_guest_finds_its_sysconfig_data() -> None:
    path = "/cross-build/wasm32-wasip1/build/lib.wasi-wasm32-3.13"
    assert guest_environment("3.13", pydebug=False) == {"PYTHONPATH": path}
    assert guest_environment("3.13", pydebug=True) == {"PYTHONPATH": f"{path}-pydebug"}


@pytest.mark.parametrize(("series", "mebibytes"), [("3.11", 8), ("3.13", 8), ("3.14", 16), ("3.15", 32), ("3.16", 32)])
def test_the_stack_is_what_cpython_s_own_runner_asks_for(series: str, mebibytes: int) -> None:
    assert wasm_stack(series) == mebibytes << 20
