"""Why a program that was named as a runtime cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UnavailableError
from harness.targets import Engine
from harness.toolchains.browsers import own_browser
from harness.toolchains.own_programs import why_unusable
from harness.toolchains.runtimes import own_node


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that prints nothing for --version."""
    path = tmp_path / "program"
    path.touch(mode=0o755)
    return path


def test_what_it_prints_says_what_it_is(program: Path) -> None:
    assert why_unusable(program, "true (GNU coreutils) 9.1\nCopyright") == "it calls itself 'true (GNU coreutils) 9.1'"


def test_a_program_that_prints_nothing_does_not_run(program: Path) -> None:
    assert why_unusable(program, "") == "it does not run: `--version` prints nothing"


def test_what_cannot_be_started_is_named(program: Path) -> None:
    program.chmod(0o644)
    assert why_unusable(program, "") == "it is not executable"
    assert why_unusable(program.parent, "") == "it is a folder, and not a program"
    assert why_unusable(program.parent / "none", "") == "there is no such file"


def test_every_runtime_that_is_a_program_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("browsers", "runtimes"):
        monkeypatch.setattr(f"harness.toolchains.{module}.capture", lambda _: "")
    with pytest.raises(UnavailableError, match="is no Node that can be used: there is no such file"):
        own_node(tmp_path / "node")
    for engine in (Engine.CHROMIUM, Engine.FIREFOX):
        with pytest.raises(UnavailableError, match=f"is no {engine.label} that can be used: it is a folder"):
            own_browser(engine, tmp_path)
