"""How a CPython is built, as a list of commands. Pure: a recipe computes, `build.py` executes.

Where a tree has its own build script, a recipe follows that script's steps, arguments and environment, and
names every departure from it with its reason; the departures go into the manifest.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.process import Command


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of a recipe, under the name CPython's own script gives that step."""

    name: str
    command: Command


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Steps in order. `version` changes when the recipe's steps do, so that old builds are not taken for new
    ones.
    """

    name: str
    version: int
    steps: tuple[Step, ...]
    departures: tuple[str, ...] = ()
