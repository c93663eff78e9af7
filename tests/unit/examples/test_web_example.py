"""What `web-example` refuses before anything is built."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import UnavailableError
from harness.examples import web_example as web_example_module
from harness.examples.web_example import SYSTEM, web_example
from harness.run.prepare import BuildRequest
from tests.unit.refusals import no_build

CELL = "emscripten-3.1.69"


@pytest.fixture(autouse=True)
def nothing_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is built, and PATH has no browser."""
    monkeypatch.setattr(web_example_module, "prepare", no_build)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.parametrize("cell", ["wasi", "pyodide-0.29.5"])
def test_a_cell_that_can_have_none(cell: str) -> None:
    with pytest.raises(UnavailableError, match=f"{cell} has no web example"):
        web_example(cell, BuildRequest(), "", "")


def test_a_python_without_playwright(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright", None)
    with pytest.raises(UnavailableError, match="playwright, which is not installed"):
        web_example(CELL, BuildRequest(), "", "")


@pytest.mark.parametrize(("cell", "browser"), [(CELL, SYSTEM), (f"{CELL}-firefox", "")])
def test_a_machine_without_the_browser(cell: str, browser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_example_module, "check_playwright", lambda: None)
    with pytest.raises(UnavailableError, match="this machine has no"):
        web_example(cell, BuildRequest(), "", browser)
