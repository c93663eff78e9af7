"""Real builds say who they are, and one that is not its cell is refused before its first test."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.build.artifact import Build
from harness.build.identity import check
from harness.errors import BuildError
from harness.matrix.python_source import PythonSource
from harness.run import identify
from harness.run.prepare import BuildRequest, prepare
from harness.run.prepared import Prepared
from harness.util.files import remove_tree

pytestmark = pytest.mark.toolchain
ROOT = Path(__file__).parents[2]
NODE = shutil.which("node") or ""


def test_wasi_says_who_it_is(wasi: Prepared) -> None:
    assert wasi.identity is not None
    interpreter = wasi.identity.interpreter
    assert (interpreter["platform"], interpreter["uname"][4], interpreter["threads"]) == (
        "wasi",
        "wasm32",
        "pthread-stubs",
    )
    assert interpreter["version"].startswith("3.13.5 ")
    assert interpreter["sysconfig"]["HOST_GNU_TYPE"].startswith("wasm32-")
    assert wasi.identity.compiler["__wasi__"] == "1"


def test_emscripten_says_who_it_is(emscripten: Prepared) -> None:
    assert emscripten.identity is not None
    interpreter = emscripten.identity.interpreter
    assert interpreter["emscripten"]["version"] == interpreter["uname"][2] == "3.1.69"
    assert interpreter["emscripten"]["runtime"].startswith("Node.js")
    assert "--host=wasm32-unknown-emscripten" in interpreter["sysconfig"]["CONFIG_ARGS"]
    assert emscripten.identity.compiler["__EMSCRIPTEN_tiny__"] == "69"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pthreads": True}, "pthreads: the cell asks for on, the interpreter says off"),
        ({"dynamic_linking": True}, "dynamic linking: the cell asks for on, the interpreter says off"),
        ({"pydebug": True}, "pydebug: the cell asks for on, the interpreter says off"),
        ({"python": PythonSource.parse("3.13.4")}, "CPython: the cell asks for 3.13.4, the interpreter says 3.13.5"),
        ({"toolchain": "3.1.73"}, "Emscripten: the cell asks for 3.1.73, the interpreter says 3.1.69"),
    ],
)
def test_another_cell_than_the_build_is_refused(emscripten: Prepared, changes: dict[str, Any], says: str) -> None:
    assert emscripten.identity is not None
    with pytest.raises(BuildError, match=says):
        check(dataclasses.replace(emscripten.cell, **changes), emscripten.build.manifest, emscripten.identity)


def test_the_answer_is_kept_for_a_build_and_a_runtime(emscripten: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(prepared: Prepared) -> dict[str, Any]:
        raise AssertionError(f"{prepared.runtime} is asked again")

    monkeypatch.setattr(identify, "ask_interpreter", asked)
    assert prepare("emscripten-3.1.69", BuildRequest()).identity == emscripten.identity


@pytest.fixture
def altered(emscripten: Prepared, tmp_path: Path) -> Prepared:
    """The cell with a copy of its build, whose files may be changed; it shares nothing else with the real cache."""
    build = emscripten.build.folder
    shutil.copytree(build, tmp_path / build.name, copy_function=os.link)
    for folder in (tmp_path / build.name).rglob("*"):
        if folder.is_dir():
            folder.chmod(0o755)
    return dataclasses.replace(emscripten, build=Build.load(tmp_path / build.name))


def test_a_build_with_an_exchanged_interpreter_is_refused(altered: Prepared) -> None:
    before = identify.answer_key(altered)
    code = altered.build.wasm.read_bytes()
    assert b"3.13.5" in code
    altered.build.wasm.unlink()
    altered.build.wasm.write_bytes(code.replace(b"3.13.5", b"3.13.4"))
    assert identify.answer_key(altered) != before
    assert altered.identity is not None
    identity = dataclasses.replace(altered.identity, interpreter=identify.ask_interpreter(altered))
    with pytest.raises(BuildError, match=r"asks for 3\.13\.5, the interpreter says 3\.13\.4"):
        check(altered.cell, altered.build.manifest, identity)


def test_an_interpreter_that_does_not_start_is_reported_in_its_own_words(altered: Prepared) -> None:
    remove_tree(altered.build.root / "Lib" / "encodings")
    with pytest.raises(BuildError, match="did not identify itself: it exited with status 1") as caught:
        identify.ask_interpreter(altered)
    assert "No module named 'encodings'" in caught.value.message


@pytest.mark.skipif(not NODE, reason="there is no node on PATH")
def test_the_command_refuses_before_the_first_test_and_keeps_no_wrong_answer(
    emscripten: Prepared, tmp_path: Path
) -> None:
    """A Node that calls itself another one is found out by the interpreter that runs in it."""
    liar = tmp_path / "node"
    liar.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo v99.1.2; else exec {NODE} "$@"; fi\n')
    liar.chmod(0o755)
    argv = ["test", "emscripten-3.1.69", "-k", "test_bool", "--runtime", f"path:{liar}", "--run-dir", str(tmp_path)]
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "harness", *argv], cwd=ROOT, text=True, capture_output=True, timeout=300, check=False
        )
        said = done.stdout + done.stderr
        assert done.returncode == 4, said
        assert "asking the interpreter to identify itself" in said
        assert "Node: the cell asks for 99, the interpreter says " in said
        assert "Traceback" not in said
    assert not (tmp_path / "emscripten-3.1.69" / "results.json").exists()
