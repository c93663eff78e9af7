"""How a CPython is built, as a list of commands. Pure: a recipe computes, `build.py` executes.

Where a tree has its own build script, a recipe follows that script's steps, arguments and environment, and
names every departure from it with its reason; the departures go into the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.matrix import Library
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


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where things lie in a build, relative to the root that the guest will see.

    `build_folder` is two levels deep, as in a checkout: getpath finds the library by `../..`. `program` is what an
    engine loads, `wasm` the code in it.
    """

    build_folder: str
    program: str
    wasm: str


@dataclass(frozen=True, kw_only=True)
class HostBuild:
    """All that a cross build is made with.

    `view` is a folder that looks like the checkout; `sdk` the toolchain's; `env` the whole environment, that of the
    toolchain included; `cache_file` configure's. `libraries` are the folders of those that it is linked with, each with
    `include` and `lib` in it.
    """

    view: Path
    build_python: Path
    build_triple: str
    sdk: Path
    env: Mapping[str, str]
    jobs: int
    cache_file: Path
    libraries: Mapping[Library, Path] = field(default_factory=dict)
