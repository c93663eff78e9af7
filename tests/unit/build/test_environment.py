"""Which of the user's environment variables a build sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.build.environment import clean_build_env
from harness.build.recipes.native import native_recipe


@pytest.mark.parametrize(
    "name",
    [
        "CC",
        "CPPFLAGS",
        "LDFLAGS",
        "LIBS",
        "CPATH",
        "MAKEFLAGS",
        "CONFIG_SITE",
        "PYTHONHOME",
        "_PYTHON_SYSCONFIGDATA_NAME",
    ],
)
def test_what_would_change_a_build_and_is_in_no_key_is_left_out(name: str) -> None:
    env = {name: "mine", "HOME": "/home/me", "EM_CACHE": "/cache"}
    assert clean_build_env(env) == {"HOME": "/home/me", "EM_CACHE": "/cache"}
    steps = native_recipe(work=Path("/w"), configure="./configure", env=env, jobs=1).steps
    assert not any(name in step.command.env for step in steps)
