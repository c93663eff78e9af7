"""The recipe for Emscripten from 3.14 on: CPython's own script, and what is added to its arguments."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.build.recipes.cpython_tree import Script, Tree
from harness.build.recipes.emscripten import FAKE_DYLIBS_NOTE, ONCE_NOTE
from harness.build.recipes.emscripten_script import LAYOUT, check_llvm, script_recipe
from harness.build.recipes.model import HostBuild, Recipe
from harness.errors import BuildError
from harness.matrix.cells import Cell, Library
from harness.matrix.python_source import PythonSource
from harness.targets import Engine, Target
from tests.unit.sample_trees import EARLY_314, PY313, PY314, PY315, tree

CELL = Cell(
    id="emscripten-6.0.5-dynlink",
    target=Target.EMSCRIPTEN,
    engine=Engine.NODE,
    toolchain="6.0.5",
    python=PythonSource.parse("3.15.0"),
    runtime="24",
    description="",
    dynamic_linking=True,
)
HOST = HostBuild(
    view=Path("/made/view"),
    tree=PY315,
    build_python=Path("/native/python"),
    build_triple="x86_64-pc-linux-gnu",
    sdk=Path("/em"),
    env={
        "PATH": "/em:/usr/bin",
        "EM_CACHE": "/em/cache",
        "CFLAGS": "-march=native",
        "MAKEFLAGS": "-j64",
        "CROSS_BUILD_DIR": "/mine",
        "PYTHON_NODE_VERSION": "18",
    },
    jobs=3,
    cache_file=Path("/made/config.cache"),
)


def recipe_of(source: Tree = PY315, cell: Cell = CELL) -> Recipe:
    return script_recipe(cell, dataclasses.replace(HOST, tree=source))


def parts_of(source: Tree = PY315, cell: Cell = CELL) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The call of the script, and the arguments that follow its own for configure."""
    argv = recipe_of(source, cell).steps[0].command.argv
    return argv[: argv.index("--")], argv[argv.index("--") + 1 :]


@pytest.mark.parametrize(
    ("source", "folder"),
    [(EARLY_314, "Tools/wasm/emscripten"), (PY314, "Tools/wasm/emscripten"), (PY315, "Platforms/emscripten")],
)
def test_the_tree_s_own_script_is_run_by_the_build_python(source: Tree, folder: str) -> None:
    call, _ = parts_of(source)
    assert call == ("/native/python", f"/made/view/{folder}", "configure-host", "--host-runner", "node")
    assert recipe_of(source).departures[0].startswith(f"{folder} runs in a folder of links")


def test_it_runs_where_the_script_builds_and_make_uses_the_jobs() -> None:
    configure, make = (step.command for step in recipe_of().steps)
    assert configure.cwd == make.cwd == HOST.view / "cross-build/wasm32-emscripten/build/python"
    assert make.argv == ("make", "--jobs", "3", "all")
    assert LAYOUT.program.endswith("/build/python/python.mjs")


@pytest.mark.parametrize("pthreads", [False, True])
@pytest.mark.parametrize("dynamic_linking", [False, True])
def test_each_flag_of_a_cell_is_said_either_way(*, pthreads: bool, dynamic_linking: bool) -> None:
    """The script has dynamic linking on, and the last of two options counts."""
    cell = dataclasses.replace(CELL, pthreads=pthreads, dynamic_linking=dynamic_linking)
    switch = {True: "enable", False: "disable"}
    asked = [argument for argument in parts_of(cell=cell)[1] if "able-wasm-" in argument]
    assert asked == [f"--{switch[dynamic_linking]}-wasm-dynamic-linking", f"--{switch[pthreads]}-wasm-pthreads"]
    because = [line for line in recipe_of(cell=cell).departures if "because the cell is" in line]
    assert len(because) == pthreads + (not dynamic_linking)


def test_the_ports_are_taken_out_of_the_script_s_own_flags() -> None:
    _, arguments = parts_of()
    assert "CFLAGS=-DPY_CALL_TRAMPOLINE" in arguments
    assert {"ZLIB_CFLAGS=-I.", "BZIP2_CFLAGS=-I.", "LIBSQLITE3_CFLAGS=-I."} <= set(arguments)


def test_the_libraries_of_the_cell_are_given_to_configure() -> None:
    host = dataclasses.replace(HOST, libraries={Library.ZLIB: Path("/lib/z")})
    recipe = script_recipe(CELL, host)
    assert "ZLIB_CFLAGS=-I/lib/z/include" in recipe.steps[0].command.argv
    assert recipe.steps[1].command.argv[-1] == "MODULE_BINASCII_LDFLAGS="
    assert ONCE_NOTE in recipe.departures
    assert ONCE_NOTE not in recipe_of().departures


@pytest.mark.parametrize("line", ['"CFLAGS=-DPY_CALL_TRAMPOLINE",', "no flags at all"])
def test_flags_of_the_script_without_a_port_stay_as_they_are(line: str) -> None:
    plain = tree({**PY315.texts, Script.PLATFORMS_EMSCRIPTEN: line})
    assert not [argument for argument in parts_of(plain)[1] if argument.startswith("CFLAGS")]


def test_without_dynamic_linking_newer_emscriptens_link_modules_as_before() -> None:
    """-shared makes real libraries from 6.0.0 on, of objects that are compiled only for dynamic linking."""
    static = dataclasses.replace(CELL, dynamic_linking=False)
    assert "BLDSHARED=$(CC) -shared -sFAKE_DYLIBS" in parts_of(cell=static)[1]
    assert not [argument for argument in parts_of()[1] if argument.startswith("BLDSHARED")]
    assert FAKE_DYLIBS_NOTE in recipe_of(cell=static).departures
    assert FAKE_DYLIBS_NOTE not in recipe_of().departures


def test_the_cell_s_own_arguments_come_last() -> None:
    cell = dataclasses.replace(CELL, pydebug=True, configure=("--with-x",))
    assert parts_of(cell=cell)[1][-2:] == ("--enable-option-checking=fatal", "--with-x")
    assert "--with-pydebug" in parts_of(cell=cell)[1]
    assert "--with-pydebug" not in parts_of()[1]


def test_the_user_s_own_flags_do_not_get_into_the_build() -> None:
    """The script has variables of its own in the place of options."""
    env = recipe_of().steps[0].command.env
    assert not {"CFLAGS", "MAKEFLAGS", "CROSS_BUILD_DIR", "PYTHON_NODE_VERSION"} & set(env)
    assert env["EM_CACHE"] == "/em/cache"
    assert env["GIT_CEILING_DIRECTORIES"] == "/made"


@pytest.mark.parametrize(("version", "departs"), [("6.0.5", False), ("6.0.8", True)])
def test_another_emscripten_than_the_tree_pins_is_a_departure(version: str, departs: bool) -> None:
    departures = recipe_of(cell=dataclasses.replace(CELL, toolchain=version)).departures
    line = f"the toolchain is {version}, because the cell names it: Platforms/emscripten pins 6.0.5"
    assert (line in departures) is departs


def test_a_clang_that_cannot_compile_the_trampoline_is_reported_before_the_build() -> None:
    with pytest.raises(BuildError, match=r"the tree cannot be built with LLVM 21\.1\.8: Python/emscripten_trampoline"):
        check_llvm(PY315, {"llvm": "21.1.8"})
    check_llvm(PY315, {"llvm": "22.0.0"})
    check_llvm(PY315, {})
    check_llvm(PY313, {"llvm": "19.1.7"})
