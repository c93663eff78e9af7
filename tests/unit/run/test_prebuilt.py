"""What is obtained for an interpreter that somebody else has built, and in which order."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest

from harness.errors import UnavailableError
from harness.matrix.load import load_configuration
from harness.matrix.python_source import PythonSource
from harness.run import prebuilt as prebuilt_module
from harness.run.prebuilt import prepare_prebuilt
from tests.unit.build.test_prebuilt import suite


def asked(cell_id: str, folder: Path, **options: Any) -> None:
    matrix, pins = load_configuration()
    given: dict[str, Any] = {"suite": "", "own_runtime": folder, "check_source": lambda _: None} | options
    prepare_prebuilt(matrix.cell(cell_id), pins, folder, **given)


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


def test_a_mistyped_module_is_refused_before_the_package_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(root: Path) -> NoReturn:
        raise LookupError(root)

    monkeypatch.setattr(prebuilt_module, "obtain_source", lambda *_: suite(tmp_path, "3.13.2"))
    monkeypatch.setattr(prebuilt_module, "obtain_prebuilt", lambda *_: pytest.fail("downloaded"))
    with pytest.raises(LookupError, match=r"source-3\.13\.2"):
        asked("pyodide-0.29.5", tmp_path, check_source=refuse)
