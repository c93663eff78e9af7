"""What is obtained for an interpreter that somebody else has built, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from harness.build.identity import Identity, check
from harness.engines.protocol import GuestRun, Watch
from harness.errors import BuildError, ConfigError, EngineFailedError, UnavailableError
from harness.manifest import Manifest
from harness.matrix.load import load_configuration
from harness.matrix.python_source import PythonSource
from harness.run import prebuilt as prebuilt_module
from harness.run.prebuilt import Named, obtain_own_suite, prepare_prebuilt
from harness.run.prepared import Prepared
from tests.unit.build.test_identity import node
from tests.unit.build.test_prebuilt import dist, suite


def asked(cell_id: str, cache: Path, check: Callable[[Path], None] = lambda _: None, **named: Any) -> None:
    matrix, pins = load_configuration()
    prepare_prebuilt(matrix.cell(cell_id), pins, cache, Named(runtime=cache, **named), check)


def test_without_the_tests_of_its_own_cpython_the_message_says_how_to_name_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(python: PythonSource, *_: Any) -> NoReturn:
        raise UnavailableError(f"CPython {python} is not available")

    monkeypatch.setattr(prebuilt_module, "obtain_source", unreachable)
    monkeypatch.setattr("harness.sources.obtain_source", unreachable)
    with pytest.raises(UnavailableError, match=r"those of CPython 3\.13\.2 are not available") as caught:
        asked("pyodide-0.29.5", tmp_path)
    assert "--suite PATH" in caught.value.hint
    with pytest.raises(UnavailableError, match=r"^CPython 3\.13\.5 is not available$"):
        asked("pyodide-0.29.5", tmp_path, suite="3.13.5")


def test_the_source_of_the_interpreter_s_version_is_looked_for_only_where_the_suite_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for = []

    def obtain(python: PythonSource, *_: Any) -> NoReturn:
        asked_for.append(str(python))
        raise UnavailableError("not available")

    monkeypatch.setattr(prebuilt_module, "obtain_source", obtain)
    pins = load_configuration()[1]
    for python, tests in (("3.13.2", "3.13.5"), ("3.13.2", "3.13.2"), ("3.14.0a2+", "3.14.2")):
        obtain_own_suite(python, tests, pins, tmp_path)
    assert asked_for == ["3.13.2"]


def test_a_mistyped_module_is_refused_before_the_package_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(root: Path) -> NoReturn:
        raise LookupError(root)

    monkeypatch.setattr(prebuilt_module, "obtain_source", lambda *_: suite(tmp_path, "3.13.2"))
    monkeypatch.setattr(prebuilt_module, "obtain_prebuilt", lambda *_: pytest.fail("downloaded"))
    with pytest.raises(LookupError, match=r"source-3\.13\.2"):
        asked("pyodide-0.29.5", tmp_path, refuse)


def test_a_folder_of_another_release_than_the_cell_s_is_refused_and_none_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is pyodide 314\.0\.7, and the cell is pyodide-0\.29\.5"):
        asked("pyodide-0.29.5", tmp_path, folder=str(dist(tmp_path / "dist")))
    with pytest.raises(ConfigError, match="none is named") as caught:
        asked("pyodide", tmp_path)
    assert "--prebuilt PATH" in caught.value.hint


def test_the_cell_of_a_folder_is_the_release_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its CPython is the one whose tests are looked for."""
    monkeypatch.setattr(prebuilt_module, "obtain_source", lambda python, *_: suite(tmp_path, str(python)))
    seen = []

    def refuse(root: Path) -> NoReturn:
        seen.append(root.name)
        raise LookupError

    with pytest.raises(LookupError):
        asked("pyodide", tmp_path, refuse, folder=str(dist(tmp_path / "dist")))
    assert seen == ["source-3.14.2"]


def test_an_interpreter_that_does_not_start_or_is_another_one_is_refused_and_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def run(self, guest: GuestRun, watch: Watch) -> NoReturn:
            raise EngineFailedError("the engine could not run a guest", hint="its log is /tmp/gone/engine.log")

        def close(self) -> None:
            pass

    def open_broken(self: Prepared, log: Path, index: int) -> Broken:
        log.write_text("CompileError: no wasm\n")
        return Broken()

    def other(prepared: Prepared) -> dict[str, Any]:
        return {"version_info": [3, 13, 5]}

    tests = suite(tmp_path, "3.14.2")
    monkeypatch.setattr(prebuilt_module, "obtain_source", lambda *_: tests)
    monkeypatch.setattr(Prepared, "open_engine", open_broken)
    folder = str(dist(tmp_path / "dist"))
    with pytest.raises(EngineFailedError) as refused:
        asked("pyodide", tmp_path, folder=folder)
    assert str(refused.value.message).startswith("the interpreter of pyodide does not start: the engine could not run")
    assert "  CompileError: no wasm" in refused.value.message
    assert "/tmp/gone" not in str(refused.value)
    assert "--runtime" not in refused.value.hint
    with pytest.raises(EngineFailedError) as refused:
        asked("pyodide-chromium", tmp_path, folder=folder)
    # The browser is the likeliest cause, and another one may be here.
    assert "`python -m harness doctor` tries the browsers, and --runtime path:PROGRAM names" in refused.value.hint
    monkeypatch.setattr(prebuilt_module, "ask_interpreter", other)
    monkeypatch.setattr(prebuilt_module, "check", lambda *_: check_fails())
    with pytest.raises(BuildError):
        asked("pyodide", tmp_path, folder=folder)
    assert not [path for path in (tmp_path / "builds").iterdir() if path.is_dir()]


def check_fails() -> NoReturn:
    raise BuildError("3.13.5 is not 3.14.2")


def test_a_release_that_is_not_as_declared_is_named_with_both_values() -> None:
    cell = load_configuration()[0].cell("pyodide-0.29.5")
    manifest = Manifest.from_json({"python": "3.13.2", "source": {"origin": "pyodide 0.29.5"}})
    answer = {"version": "3.13.5", "emscripten": {}, "uname": ["Emscripten", "emscripten", "4.0.9", "#1", "wasm32"]}
    with pytest.raises(BuildError, match=r"pyodide 0\.29\.5 is not what pyodide-0\.29\.5 is declared to be") as refused:
        check(cell, manifest, Identity(interpreter=node(**answer).interpreter, compiler={}))
    assert "CPython: the cell asks for 3.13.2, the interpreter says 3.13.5" in refused.value.message
