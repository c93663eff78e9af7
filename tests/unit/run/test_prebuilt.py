"""What is obtained for an interpreter that somebody else has built, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from harness.errors import ConfigError, UnavailableError
from harness.matrix.load import load_configuration
from harness.matrix.python_source import PythonSource
from harness.run import prebuilt as prebuilt_module
from harness.run.prebuilt import Named, obtain_own_suite, prepare_prebuilt
from tests.unit.build.test_prebuilt import dist, suite


def asked(cell_id: str, cache: Path, check: Callable[[Path], None] = lambda _: None, **named: Any) -> None:
    matrix, pins = load_configuration()
    prepare_prebuilt(matrix.cell(cell_id), pins, cache, Named(runtime=cache, **named), check)


def test_without_the_tests_of_its_own_cpython_the_user_is_told_how_to_name_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(python: PythonSource, *_: Any) -> NoReturn:
        raise UnavailableError(f"CPython {python} is not available")

    monkeypatch.setattr(prebuilt_module, "obtain_source", unreachable)
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
