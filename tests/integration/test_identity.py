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

from harness import ask
from harness.cache import VARIABLE, remove_tree
from harness.errors import BuildError
from harness.identity import check
from harness.prepare import Prepared, Wishes, prepare

pytestmark = pytest.mark.toolchain
ROOT = Path(__file__).parents[2]


def test_wasi_says_who_it_is(wasi: Prepared) -> None:
    assert wasi.identity is not None
    told = wasi.identity.interpreter
    assert (told["platform"], told["uname"][4], told["threads"]) == ("wasi", "wasm32", "pthread-stubs")
    assert told["version"].startswith("3.13.5 ")
    assert told["sysconfig"]["HOST_GNU_TYPE"].startswith("wasm32-")
    assert wasi.identity.compiler["__wasi__"] == "1"


def test_emscripten_says_who_it_is(emscripten: Prepared) -> None:
    assert emscripten.identity is not None
    told = emscripten.identity.interpreter
    assert told["emscripten"]["version"] == told["uname"][2] == "3.1.69"
    assert told["emscripten"]["runtime"].startswith("Node.js")
    assert "--host=wasm32-unknown-emscripten" in told["sysconfig"]["CONFIG_ARGS"]
    assert emscripten.identity.compiler["__EMSCRIPTEN_tiny__"] == "69"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pthreads": True}, "pthreads: the cell asks for on, the interpreter says off"),
        ({"dynamic_linking": True}, "dynamic linking: the cell asks for on, the interpreter says off"),
        ({"pydebug": True}, "pydebug: the cell asks for on, the interpreter says off"),
        ({"python": "3.13.4"}, "CPython: the cell asks for 3.13.4, the interpreter says 3.13.5"),
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

    monkeypatch.setattr(ask, "ask_interpreter", asked)
    assert prepare("emscripten-3.1.69", Wishes()).identity == emscripten.identity


@pytest.fixture
def altered(emscripten: Prepared, tmp_path: Path) -> Path:
    """A cache that shares everything with the real one but this build, whose files may be changed."""
    cache = tmp_path / "cache"
    (cache / "builds").mkdir(parents=True)
    for folder in emscripten.cache.iterdir():
        if folder.name not in {"builds", "identities"}:
            (cache / folder.name).symlink_to(folder)
    build = emscripten.build.folder
    shutil.copytree(build, cache / "builds" / build.name, copy_function=os.link)
    for folder in (cache / "builds").rglob("*"):
        if folder.is_dir():
            folder.chmod(0o755)
    return cache


def run_harness(cache: Path, run_dir: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "harness", "test", "emscripten-3.1.69", "-k", "test_bool", "--run-dir", str(run_dir)]
    env = dict(os.environ) | {VARIABLE: str(cache)}
    return subprocess.run(argv, cwd=ROOT, env=env, text=True, capture_output=True, timeout=300, check=False)


def test_a_build_whose_interpreter_was_exchanged_is_refused(
    emscripten: Prepared, altered: Path, tmp_path: Path
) -> None:
    wasm = altered / emscripten.build.wasm.relative_to(emscripten.cache)
    code = wasm.read_bytes()
    assert b"3.13.5" in code
    wasm.unlink()
    wasm.write_bytes(code.replace(b"3.13.5", b"3.13.4"))
    done = run_harness(altered, tmp_path / "run")
    said = done.stdout + done.stderr
    assert done.returncode == 4, said
    assert "CPython: the cell asks for 3.13.5, the interpreter says 3.13.4" in said
    assert "Traceback" not in said
    assert not (tmp_path / "run" / "emscripten-3.1.69" / "results.json").exists()


def test_a_build_whose_interpreter_does_not_start_is_refused_with_its_words(
    emscripten: Prepared, altered: Path, tmp_path: Path
) -> None:
    library = altered / (emscripten.build.root / "Lib").relative_to(emscripten.cache)
    remove_tree(library / "encodings")
    done = run_harness(altered, tmp_path / "run")
    said = done.stdout + done.stderr
    assert done.returncode == 4, said
    assert "the interpreter of emscripten-3.1.69 does not tell who it is" in said
    assert "encodings" in said
    assert "Traceback (most recent call last)" not in said
