"""What `web-example` refuses before anything is built, and what it tries."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from harness.errors import ConfigError, UnavailableError
from harness.examples import web_example as web_example_module
from harness.examples.causes import NO_ISOLATION, SMALL_STACK
from harness.examples.stdlib import WEB_EXAMPLE
from harness.examples.trials import Cause, Seen
from harness.examples.web_example import PARTS, SYSTEM, Act, _Bench, try_for_probes, web_example
from harness.run.prepare import BuildRequest
from tests.unit.refusals import no_build

CELL = "emscripten-3.1.69"


@pytest.fixture(autouse=True)
def nothing_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is built, and PATH has no browser."""
    monkeypatch.setattr(web_example_module, "prepare", no_build)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.parametrize("cell", ["wasi", "pyodide-0.29.5"])
def test_a_cell_without_a_web_example_is_refused(cell: str) -> None:
    with pytest.raises(UnavailableError, match=f"{cell} has no web example"):
        web_example(cell, BuildRequest(), "", "")


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The source tree of a CPython that has a web example; it is not built."""
    (tmp_path / "Makefile.pre.in").write_text(WEB_EXAMPLE)

    def prepare(cell: str, wishes: BuildRequest, check_source: Callable[[Path], None]) -> NoReturn:
        check_source(tmp_path)
        no_build(cell, wishes)

    monkeypatch.setattr(web_example_module, "prepare", prepare)
    return tmp_path


@pytest.mark.usefixtures("source")
def test_a_python_without_playwright_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright", None)
    with pytest.raises(UnavailableError, match="playwright, which is not installed"):
        web_example(CELL, BuildRequest(), "", "")


def test_playwright_is_not_asked_for_where_there_is_nothing_to_drive(
    monkeypatch: pytest.MonkeyPatch, source: Path
) -> None:
    monkeypatch.setitem(sys.modules, "playwright", None)
    (source / "Makefile.pre.in").unlink()
    (source / "Include").mkdir()
    (source / "Include" / "patchlevel.h").write_text('#define PY_VERSION "3.13.5"\n')
    with pytest.raises(UnavailableError, match=r"CPython 3\.13\.5 has no web example"):
        web_example(CELL, BuildRequest(), "", "")


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(("cell", "browser"), [(CELL, SYSTEM), (f"{CELL}-firefox", "")])
def test_a_machine_without_the_browser_is_refused(cell: str, browser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_example_module, "check_playwright", lambda: None)
    with pytest.raises(UnavailableError, match="this machine has no"):
        web_example(cell, BuildRequest(), "", browser)


@dataclass(frozen=True, kw_only=True)
class Faulty:
    """An example that needs no change to run a program, and has some faults."""

    faults: tuple[Cause, ...]
    causes: tuple[Cause, ...] = ()


class NoBrowser(_Bench):
    """Every attempt with a change works."""

    def attempt(self, photo: str, changes: Sequence[Cause], act: Act, *, isolated: bool = True) -> Seen:
        return Seen(works=bool(changes), text="the answer is not shown")


def test_a_fault_is_tried_with_and_without_its_change_where_the_example_has_it() -> None:
    example: Any = Faulty(faults=(SMALL_STACK,))
    bench = NoBrowser(example=example, browser=None, address="", elsewhere={}, work=Path())
    trials = [each for each in bench.trials(PARTS) if each.example in {"Run: nested lists", "Run, Run again"}]
    assert [(each.example, each.changes, each.expected, each.is_as_expected) for each in trials] == [
        ("Run: nested lists", (), SMALL_STACK, True),
        ("Run: nested lists", (SMALL_STACK,), None, True),
        ("Run, Run again", (), None, False),
    ]


def test_a_part_that_the_page_has_not_is_refused_with_the_names_of_those_that_it_has() -> None:
    with pytest.raises(ConfigError, match="--only rum: the web example has no such part") as caught:
        web_example(CELL, BuildRequest(), "", "", ["repl", "rum"])
    assert caught.value.hint is not None
    assert "run, repl, paste-lines" in caught.value.hint


@pytest.mark.parametrize("cell", [CELL, f"{CELL}-firefox"])
def test_the_probes_get_nothing_of_a_page_in_another_browser_than_the_cells(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="--web-example is for cells that run in Chromium"):
        try_for_probes([cell], BuildRequest(runtime="153"), "")


def test_without_isolation_nothing_else_is_expected_and_there_is_no_change_to_be_tried() -> None:
    example: Any = Faulty(faults=())
    bench = NoBrowser(example=example, browser=None, address="", elsewhere={}, work=Path())
    trials = list(bench.trials([part for part in PARTS if not part.isolated]))
    assert [(each.changes, each.expected) for each in trials] == [((), NO_ISOLATION)]
