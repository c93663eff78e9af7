"""Which of Python's arguments is a script, and what the guest gets instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.engines.protocol import Ending, GuestExit, Mount
from harness.errors import ConfigError
from harness.run.interpreter import status_of, with_script


@pytest.mark.parametrize(
    "arguments", [["-c", "print()"], ["-cprint()"], ["-X", "dev", "-m", "test"], ["-W", "error", "-c", ""]]
)
def test_code_and_modules_need_nothing_of_the_host(arguments: list[str]) -> None:
    assert with_script(arguments) == (tuple(arguments), ())


def test_a_script_is_found_behind_options_and_its_folder_mounted(tmp_path: Path) -> None:
    script = tmp_path / "hello.py"
    script.touch()
    arguments, mounts = with_script(["-X", "dev", "-E", str(script), "-c", "hello.py"])
    assert arguments == ("-X", "dev", "-E", "/here/hello.py", "-c", "hello.py")
    assert mounts == (Mount(host=tmp_path, guest="/here"),)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "nothing to run"), (["-E", "-X"], "nothing to run"), (["nope.py"], "nope.py: there is no")],
)
def test_what_cannot_be_run_is_said(arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        with_script(arguments)


@pytest.mark.parametrize(("status", "shell"), [(0, 0), (3, 3), (200, 200), (255, 255), (256, 1), (-1, 1)])
def test_no_status_of_a_guest_looks_like_success_but_0(status: int, shell: int) -> None:
    assert status_of(GuestExit(ending=Ending.EXITED, status=status)) == shell
    assert status_of(GuestExit(ending=Ending.TRAPPED, status=status)) == 1
