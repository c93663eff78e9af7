"""Whether a build is the cell that was asked for."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from harness.build.identity import Identity, check, emscripten_version, read_macros
from harness.errors import BuildError
from harness.manifest import Manifest, StepRecord
from harness.matrix.cells import Cell, with_python
from harness.matrix.python_source import PythonSource
from harness.targets import Engine, Target
from tests.unit.sample_cells import emscripten

WASI = Cell(
    id="wasi",
    target=Target.WASI,
    engine=Engine.WASMTIME,
    toolchain="25",
    python=PythonSource.parse("3.13.5"),
    runtime="50.0.1",
    description="d",
)
NODE = emscripten("3.1.69")
MANIFEST = Manifest.from_json({"python": "3.13.5", "steps": [{"name": "configure-host", "command": ["configure"]}]})
MACROS = """\
#define __VERSION__ "Debian Clang 19.1.7 (3+b1)"
#define __EMSCRIPTEN_major__ 3
#define __EMSCRIPTEN_minor__ 1
#define __EMSCRIPTEN_tiny__ 69
#define __EMSCRIPTEN__
#define __INT_MAX__ 2147483647
#define UINT_C(c) c ## U
"""


def wasi(**changed: Any) -> Identity:
    """What CPython 3.13.5 of WASI SDK 25 says under wasmtime."""
    interpreter = {
        "platform": "wasi",
        "version": "3.13.5 (main, Nov 22 2026, 10:15:07) [Clang 19.1.5-wasi-sdk (https://example.org 1)]",
        "uname": ["wasi", "(none)", "0.0.0", "0.0.0", "wasm32"],
        "threads": "pthread-stubs",
        "pydebug": False,
        "dynamic_loading": True,
        "emscripten": None,
        "sysconfig": {"CONFIG_ARGS": "'--host=wasm32-wasip1' '--with-x=a b'", "Py_DEBUG": 0},
    }
    macros = {"__VERSION__": "Clang 19.1.5-wasi-sdk (https://example.org 1)"}
    return Identity(interpreter=interpreter | changed, compiler=macros)


def node(**changed: Any) -> Identity:
    """What CPython 3.13.5 of Emscripten 3.1.69 says under Node 24."""
    info = {"version": "3.1.69", "runtime": "Node.js/24", "pthreads": False, "shared_memory": False}
    interpreter = {
        **wasi().interpreter,
        "platform": "emscripten",
        "version": "3.13.5 (main, Nov 22 2026, 10:28:52) [Clang 19.1.7 (3+b1)]",
        "uname": ["Emscripten", "emscripten", "3.1.69", "#1", "wasm32"],
        "dynamic_loading": False,
        "emscripten": info | changed.pop("emscripten", {}),
    }
    return Identity(interpreter=interpreter | changed, compiler=read_macros(MACROS))


def refusal(cell: Cell, identity: Identity, manifest: Manifest = MANIFEST) -> str:
    with pytest.raises(BuildError) as caught:
        check(cell, manifest, identity)
    assert caught.value.exit_code == 4
    assert caught.value.hint
    return caught.value.message


def test_a_build_that_is_its_cell_is_accepted() -> None:
    check(WASI, MANIFEST, wasi())
    check(NODE, MANIFEST, node())


def test_pthreads_of_wasi_are_those_that_configure_was_asked_for() -> None:
    """Newer wasi-libc has stubs, which CPython takes for pthreads."""
    check(WASI, MANIFEST, wasi(threads="pthread"))
    threads = dataclasses.replace(WASI, pthreads=True)
    asked = {"CONFIG_ARGS": "'--enable-wasm-pthreads'", "Py_DEBUG": 0}
    check(threads, MANIFEST, wasi(threads="pthread", sysconfig=asked))
    for said in ({"threads": "pthread"}, {"sysconfig": asked}):
        assert "threads: the cell asks for on, the interpreter says off" in refusal(threads, wasi(**said))


def test_a_checkout_is_the_cell_of_its_number() -> None:
    check(emscripten("3.1.69-git"), MANIFEST, node())
    check(NODE, MANIFEST, node(uname=["Emscripten", "emscripten", "3.1.69-git", "#1", "wasm32"]))
    with pytest.raises(BuildError, match=r"Emscripten: the cell asks for 3\.1\.70, the interpreter says 3\.1\.69"):
        check(emscripten("3.1.70-git"), MANIFEST, node())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"python": PythonSource.parse("3.13.4")}, "CPython: the cell asks for 3.13.4, the interpreter says 3.13.5"),
        ({"pydebug": True}, "pydebug: the cell asks for on, the interpreter says off"),
        ({"pthreads": True}, "threads: the cell asks for on, the interpreter says off"),
        (
            {"target": Target.EMSCRIPTEN, "engine": Engine.NODE, "toolchain": "3.1.69"},
            "the cell asks for emscripten, the interpreter says wasi",
        ),
        (
            {"configure": ("--with-y",)},
            "configure: the cell asks for --with-y, the interpreter says --host=wasm32-wasip1",
        ),
    ],
)
def test_another_wasi_cell_is_refused_with_both_values(changes: dict[str, Any], says: str) -> None:
    assert says in refusal(dataclasses.replace(WASI, **changes), wasi())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pthreads": True}, "pthreads: the cell asks for on, the interpreter says off"),
        ({"dynamic_linking": True}, "dynamic linking: the cell asks for on, the interpreter says off"),
        ({"toolchain": "4.0.12"}, "Emscripten: the cell asks for 4.0.12, the interpreter says 3.1.69"),
        ({"toolchain": "4.0.12"}, "compiler: the cell asks for Emscripten 4.0.12, its macros say 3.1.69"),
        ({"runtime": "22.20.0"}, "Node: the cell asks for 22, the interpreter says 24"),
    ],
)
def test_another_emscripten_cell_is_refused_with_both_values(changes: dict[str, Any], says: str) -> None:
    assert says in refusal(dataclasses.replace(NODE, **changes), node())


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"pydebug": True}, "pydebug: the cell asks for off, the interpreter says on"),
        ({"dynamic_loading": True}, "dynamic linking: the cell asks for off, the interpreter says on"),
        ({"emscripten": {"pthreads": True}}, "pthreads: the cell asks for off, the interpreter says on"),
        ({"emscripten": {"runtime": None}}, "Node: the cell asks for 24, the interpreter says nothing"),
        ({"version": "3.13.5 (x) [Clang 18.0.0]"}, "it was compiled by Clang 18.0.0"),
        ({"uname": ["Emscripten", "emscripten", "3.1.70", "#1", "wasm32"]}, "the interpreter says 3.1.70"),
        ({"uname": ["Emscripten", "emscripten", "3.1.69", "#1", "wasm64"]}, "the interpreter says wasm64"),
    ],
)
def test_an_interpreter_that_has_more_or_other_than_was_asked_for_is_refused(
    changed: dict[str, Any], says: str
) -> None:
    assert says in refusal(NODE, node(**changed))


def test_all_that_differs_is_reported_at_once() -> None:
    message = refusal(dataclasses.replace(NODE, pthreads=True, python=PythonSource.parse("3.13.4")), node())
    assert message.splitlines()[0] == "what was built for emscripten-3.1.69 is not that cell:"
    assert len(message.splitlines()) == 3


@pytest.mark.parametrize(
    ("engine", "runtime", "agent"),
    [
        (Engine.CHROMIUM, "153.0.0", "(KHTML, like Gecko) HeadlessChrome/153.0.8010.0 Safari/537.36"),
        (Engine.CHROMIUM, "150.0.7871.100", "(KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"),
        (Engine.FIREFOX, "140.12.0", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ],
)
def test_a_browser_is_known_by_its_major_version(engine: Engine, runtime: str, agent: str) -> None:
    cell = dataclasses.replace(NODE, engine=engine, runtime=runtime)
    check(cell, MANIFEST, node(emscripten={"runtime": agent}))
    other = dataclasses.replace(cell, runtime="99.1")
    says = f"{engine.label}: the cell asks for 99, the interpreter says {runtime.split('.', maxsplit=1)[0]}"
    assert says in refusal(other, node(emscripten={"runtime": agent}))


@pytest.mark.parametrize("runtime", ["Node.js/24", "Node.js v24.19.0"])
def test_node_states_its_version_in_two_ways(runtime: str) -> None:
    check(NODE, MANIFEST, node(emscripten={"runtime": runtime}))


def test_old_emscriptens_have_no_version_in_uname() -> None:
    check(NODE, MANIFEST, node(uname=["Emscripten", "emscripten", "1.0", "#1", "wasm32"]))


def test_the_manifest_knows_the_version_of_a_checkout() -> None:
    for python in ("/src/cpython", "git:https://example.org/cpython@main"):
        cell = with_python(WASI, python)
        check(cell, MANIFEST, wasi())
        assert "asks for 3.13.6, the interpreter says 3.13.5" in refusal(cell, wasi(), Manifest(python="3.13.6"))


def test_what_cpythons_own_script_links_dynamically_was_asked_for() -> None:
    steps = (StepRecord(name="configure-host", command=("configure", "--enable-wasm-dynamic-linking")),)
    check(NODE, Manifest(python="3.13.5", steps=steps), node(dynamic_loading=True))


def test_arguments_of_configure_are_compared_without_their_quotes() -> None:
    check(dataclasses.replace(WASI, configure=("--with-x=a b",)), MANIFEST, wasi())


def test_only_macros_that_name_the_compiler_are_kept() -> None:
    assert read_macros(MACROS) == {
        "__VERSION__": "Debian Clang 19.1.7 (3+b1)",
        "__EMSCRIPTEN_major__": "3",
        "__EMSCRIPTEN_minor__": "1",
        "__EMSCRIPTEN_tiny__": "69",
        "__EMSCRIPTEN__": "",
    }


def test_newer_emscriptens_spell_their_macros_in_capitals() -> None:
    macros = read_macros(
        "#define __EMSCRIPTEN_MAJOR__ 6\n#define __EMSCRIPTEN_MINOR__ 0\n#define __EMSCRIPTEN_TINY__ 5\n"
    )
    identity = dataclasses.replace(node(), compiler=macros)
    assert "Emscripten 3.1.69, its macros say 6.0.5" in refusal(NODE, identity)


@pytest.mark.parametrize(
    ("macros", "version"),
    [
        ({"__EMSCRIPTEN_major__": "3", "__EMSCRIPTEN_minor__": "1", "__EMSCRIPTEN_tiny__": "69"}, "3.1.69"),
        (
            {
                "__EMSCRIPTEN_MAJOR__": "6",
                "__EMSCRIPTEN_MINOR__": "0",
                "__EMSCRIPTEN_TINY__": "5",
                "__EMSCRIPTEN_major__": "__EMSCRIPTEN_MAJOR__",
                "__EMSCRIPTEN_minor__": "__EMSCRIPTEN_MINOR__",
                "__EMSCRIPTEN_tiny__": "__EMSCRIPTEN_TINY__",
            },
            "6.0.5",
        ),
        ({"__clang_version__": "19.1.7"}, ""),
    ],
)
def test_old_and_new_compilers_state_their_version(macros: dict[str, str], version: str) -> None:
    assert emscripten_version(macros) == version
