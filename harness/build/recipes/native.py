"""The native build Python, which every cross build needs: built once per source, shared by all cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.build.environment import clean_build_env
from harness.build.recipes.model import Recipe, Step
from harness.util.process import Command

VERSION = 1


def native_recipe(*, work: Path, configure: str, env: Mapping[str, str], jobs: int) -> Recipe:
    """Steps of `configure-build-python` and `make-build-python`, run in the folder `work`.

    `configure` is relative to it: getpath finds the standard library of an uninstalled Python by that path.
    """
    plain = clean_build_env(env)
    return Recipe(
        name="native",
        version=VERSION,
        steps=(
            Step(name="configure-build-python", command=Command(argv=(configure,), cwd=work, env=plain)),
            Step(
                name="make-build-python",
                command=Command(argv=("make", "--jobs", str(jobs), "all"), cwd=work, env=plain),
            ),
        ),
    )
