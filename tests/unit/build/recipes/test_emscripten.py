"""The recipe for Emscripten: what is asked of configure, with which environment, and what is said about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.build.recipes import emscripten as recipe_module
from harness.build.recipes.emscripten import LAYOUT, emscripten_recipe
from harness.build.recipes.model import HostBuild, Recipe
from harness.build.recipes.targets import host_recipe
from harness.matrix.cells import Cell, Library
from tests.unit.sample_cells import emscripten
from tests.unit.sample_trees import PY313

CELL = emscripten("3.1.69", runtime="20")
TOOLCHAIN = {"PATH": "/em:/usr/bin", "EM_CONFIG": "/em/config", "EM_CACHE": "/em/cache"}
HOST = HostBuild(
    view=Path("/view"),
    tree=PY313,
    build_python=Path("/native/python"),
    build_triple="x86_64-pc-linux-gnu",
    sdk=Path("/em"),
    env=TOOLCHAIN,
    jobs=3,
    cache_file=Path("/build/config.cache"),
)


def recipe_of(cell: Cell = CELL, env: Mapping[str, str] | None = None) -> Recipe:
    return emscripten_recipe(cell, dataclasses.replace(HOST, env={**(env or {}), **TOOLCHAIN}))


def configure_of(cell: Cell = CELL) -> tuple[str, ...]:
    return recipe_of(cell).steps[0].command.argv


def test_the_steps_have_upstreams_names_and_run_in_the_build_folder() -> None:
    steps = recipe_of().steps
    assert [step.name for step in steps] == ["configure-host", "make-host"]
    assert {step.command.cwd for step in steps} == {Path("/view/cross-build/wasm32-emscripten")}
    assert steps[1].command.argv == ("make", "--jobs", "3", "all")


def test_the_web_example_is_built_as_upstream_does_and_linked_once_more_with_a_larger_stack() -> None:
    cell = dataclasses.replace(CELL, configure=(recipe_module.BROWSER_TARGET,))
    recipe = host_recipe(cell, HOST)
    configure, make, folder, link = (step.command for step in recipe.steps)
    words = configure.argv
    assert [word for word in words if "emscripten-target" in word or "suffix" in word or "libc" in word] == [
        "--with-emscripten-target=browser"
    ]
    assert all("LINKFORSHARED" not in command.env and command.env["PATH"] for command in (configure, make, link))
    assert make.argv == ("make", "--jobs", "3", "all")
    assert folder.argv[-1] == recipe_module.LARGER_STACK
    assert link.argv[1:] == ("LDFLAGS=-sSTACK_SIZE=5MB", "BUILDPYTHON=larger-stack/python.js", "larger-stack/python.js")
    assert recipe_module.NO_PORTS_NOTE in recipe.departures


def test_configure_is_called_by_the_relative_path_that_getpath_finds_the_library_by() -> None:
    program, configure, *_ = configure_of()
    assert program == "emconfigure"
    assert (HOST.view / LAYOUT.build_folder / configure).resolve() == Path("/view/configure")


@pytest.mark.parametrize(
    ("toolchain", "dynamic_linking", "asked"),
    [("3.1.69", False, False), ("6.0.5", False, True), ("6.0.5", True, False), ("6.0.11-git", False, True)],
)
def test_what_nothing_loads_stays_a_plain_object(*, toolchain: str, dynamic_linking: bool, asked: bool) -> None:
    cell = dataclasses.replace(CELL, toolchain=toolchain, dynamic_linking=dynamic_linking)
    assert ("BLDSHARED=$(CC) -shared -sFAKE_DYLIBS" in configure_of(cell)) is asked


@pytest.mark.parametrize("pthreads", [False, True])
@pytest.mark.parametrize("dynamic_linking", [False, True])
def test_each_option_of_a_cell_is_asked_for_or_refused(*, pthreads: bool, dynamic_linking: bool) -> None:
    """Left out, configure would decide by itself."""
    cell = dataclasses.replace(CELL, pthreads=pthreads, dynamic_linking=dynamic_linking)
    asked = [argument for argument in configure_of(cell) if "able-wasm-" in argument]
    switch = {True: "enable", False: "disable"}
    assert asked == [
        f"--{switch[dynamic_linking]}-wasm-dynamic-linking",
        f"--{switch[pthreads]}-wasm-pthreads",
    ]


def test_a_debug_build_is_asked_for_by_its_own_flag() -> None:
    assert "--with-pydebug" in configure_of(dataclasses.replace(CELL, pydebug=True))
    assert "--with-pydebug" not in configure_of()


def test_what_a_cell_passes_on_comes_last_and_so_wins() -> None:
    cell = dataclasses.replace(CELL, configure=("--disable-wasm-pthreads", "ZLIB_LIBS=-lz"))
    assert configure_of(cell)[-2:] == cell.configure


def test_an_argument_that_configure_does_not_know_is_an_error() -> None:
    """Without this configure only warns, and the build silently lacks what the cell asks for."""
    fatal = "--enable-option-checking=fatal"
    assert fatal in configure_of(dataclasses.replace(CELL, configure=("--with-x",)))
    assert fatal not in configure_of()


def test_no_library_is_downloaded_as_a_port() -> None:
    """configure uses the port only where both variables of a library are empty (PY_CHECK_EMSCRIPTEN_PORT)."""
    variables = dict(argument.split("=", 1) for argument in configure_of() if "_CFLAGS=" in argument)
    assert variables.keys() == {"ZLIB_CFLAGS", "BZIP2_CFLAGS", "LIBSQLITE3_CFLAGS"}
    assert all(variables.values())


def test_a_library_that_is_there_is_given_to_configure_by_both_its_variables() -> None:
    """With one of them, configure would ask pkg-config for the other."""
    there = dataclasses.replace(HOST, libraries={library: Path(f"/lib/{library}") for library in Library})
    arguments = emscripten_recipe(CELL, there).steps[0].command.argv
    assert "ZLIB_CFLAGS=-I/lib/zlib/include" in arguments
    assert "LIBSQLITE3_LIBS=-L/lib/sqlite/lib -lsqlite3 -lm" in arguments
    names = {argument.partition("=")[0] for argument in arguments if "=-I" in argument or "=-L" in argument}
    kinds = ("ZLIB", "BZIP2", "LIBSQLITE3", "LIBFFI", "LIBMPDEC")
    assert names == {f"{kind}_{what}" for kind in kinds for what in ("CFLAGS", "LIBS")}


def test_one_library_does_not_bring_the_ports_of_the_others() -> None:
    there = dataclasses.replace(HOST, libraries={Library.ZLIB: Path("/lib/zlib")})
    arguments = emscripten_recipe(CELL, there).steps[0].command.argv
    assert {"BZIP2_CFLAGS=-I.", "LIBSQLITE3_CFLAGS=-I."} <= set(arguments)
    assert not [argument for argument in arguments if argument.startswith("LIBFFI")]


def test_libffi_gets_what_it_calls_in_javascript_as_a_departure() -> None:
    there = dataclasses.replace(HOST, libraries={Library.LIBFFI: Path("/lib/libffi")})
    recipe = emscripten_recipe(CELL, there)
    flags = recipe.steps[0].command.env["LINKFORSHARED"].split()
    assert tuple(flags[-3:]) == recipe_module.LIBFFI_LINK_FLAGS
    methods = [flag for flag in flags if flag.startswith("-sEXPORTED_RUNTIME_METHODS=")]
    assert methods[-1].startswith(methods[0])  # the last one counts, and the engine needs those of the first
    assert all(any(flag in said for said in recipe.departures) for flag in flags)
    assert "ALLOW_TABLE_GROWTH" not in recipe_of().steps[0].command.env["LINKFORSHARED"]


@pytest.mark.parametrize("dynamic_linking", [False, True])
def test_zlib_is_named_once_where_archives_are_linked_whole(*, dynamic_linking: bool) -> None:
    cell = dataclasses.replace(CELL, dynamic_linking=dynamic_linking)
    there = dataclasses.replace(HOST, libraries={Library.ZLIB: Path("/lib/zlib")})
    recipe = emscripten_recipe(cell, there)
    assert ("MODULE_BINASCII_LDFLAGS=" in recipe.steps[1].command.argv) is dynamic_linking
    assert any("MODULE_BINASCII" in said for said in recipe.departures) is dynamic_linking
    assert "MODULE_BINASCII_LDFLAGS=" not in recipe_of(cell).steps[1].command.argv


@pytest.mark.parametrize("name", ["CC", "CFLAGS", "LDFLAGS", "LINKFORSHARED", "PYTHONPATH", "PKG_CONFIG_PATH", "TZ"])
def test_the_users_own_flags_do_not_get_into_the_build(name: str) -> None:
    env = recipe_of(env={name: "/of/the/user"}).steps[0].command.env
    assert env.get(name) != "/of/the/user"


def test_the_interpreter_is_linked_as_a_module_without_the_hosts_files() -> None:
    flags = recipe_of().steps[0].command.env["LINKFORSHARED"].split()
    assert {"-sNODERAWFS=0", "-sMODULARIZE", "-sEXPORT_ES6", "-sSTACK_SIZE=5MB"} <= set(flags)
    assert "--with-suffix=.mjs" in configure_of()
    assert LAYOUT.program.endswith("/python.mjs")


def test_every_link_flag_is_among_the_departures_with_its_reason() -> None:
    said = "\n".join(recipe_of().departures)
    assert [flag for flag in recipe_module.LINK_FLAGS if flag not in said] == []
