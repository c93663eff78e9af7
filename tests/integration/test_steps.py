"""The steps of a recipe after one of them was killed in the middle: no half of a file is taken for a whole one."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness.build.recipes.model import Recipe, Step
from harness.build.steps import run_recipe
from harness.errors import BuildError
from harness.util.process import Command
from harness.util.progress import Progress

pytestmark = pytest.mark.integration

MAKEFILE = (
    "made.o: made.c old.o\n\tcp made.c made.o\nmade.c:\n\techo whole > made.c\nold.o:\n\techo made again > old.o\n"
)
CONFIGURE = Step(name="configure", command=Command(argv=("true",), cwd=Path(), env={}))


def made(folder: Path, *argv: str) -> None:
    """configure, which writes nothing here, and then a make that is killed or the real one."""
    make = Step(name="make", command=Command(argv=argv, cwd=folder, env=dict(os.environ)))
    steps = (CONFIGURE, make)
    recipe = Recipe(name="test", version=1, departures=(), steps=steps)
    run_recipe(recipe, folder, folder.with_name("logs"), Progress("test", total=2), held=())


def test_what_was_being_written_when_make_was_killed_is_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "Makefile").write_text(MAKEFILE)
    a_while_ago = time.time() - 600
    os.utime(folder / "Makefile", (a_while_ago, a_while_ago))
    with pytest.raises(BuildError, match="SIGKILL"):
        made(folder, "sh", "-c", "touch -d '5 minutes ago' old.o; echo ha > made.c; kill -9 $$")
    assert (folder / "made.c").read_text() == "ha\n"
    assert "make done" not in capsys.readouterr().out
    made(folder, "make")
    assert "make done in" in capsys.readouterr().out
    assert (folder / "made.o").read_text() == "whole\n"
    assert (folder / "old.o").read_text() == "", "what was finished long before has been made again"


def test_what_a_finished_make_has_left_is_not_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "Makefile").write_text(MAKEFILE)
    made(folder, "make")
    before = (folder / "made.c").stat().st_mtime_ns
    (folder / ".make.done").unlink()
    made(folder, "make")
    assert (folder / "made.c").stat().st_mtime_ns == before
