"""Recipes: the commands that build a CPython. Pure: a recipe is computed, and `steps.py` runs it.

Where a tree has its own build script, a recipe follows that script's steps, arguments and environment, and
names every departure from it with its reason; the departures go into the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.build.recipes.cpython_tree import Script, Tree
from harness.matrix.cells import Cell, Library
from harness.util.process import Command
from harness.util.versions import number


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of a recipe, under the name CPython's own script gives that step."""

    name: str
    command: Command


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Steps in order. `version` has to change with the steps, so that older builds are not used."""

    name: str
    version: int
    steps: tuple[Step, ...]
    departures: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The places of files in a build, relative to the root that the guest will see.

    `build_folder` is the same as in CPython's own script: getpath finds the library by the number of its levels.
    `program` is the file that an engine loads, `wasm` the one with its code.
    """

    build_folder: str
    program: str
    wasm: str


@dataclass(frozen=True, kw_only=True)
class HostBuild:
    """The input of a recipe for a cross build.

    `view` is a folder that looks like the checkout, with the build Python where CPython's scripts search it. `tree` is
    what these scripts say. `sdk` is the folder of the toolchain, `env` the whole environment, `cache_file` configure's
    cache. `libraries` has the folders of the libraries to link, each with `include` and `lib`.
    """

    view: Path
    tree: Tree
    build_python: Path
    build_triple: str
    sdk: Path
    env: Mapping[str, str]
    jobs: int
    cache_file: Path
    libraries: Mapping[Library, Path] = field(default_factory=dict)


NOT_WRITTEN = "it builds below the checkout, which the harness never writes to"
CACHE_FILE_NOTE = "configure gets a cache file, which its results do not depend on"


def run_note(script: Script) -> str:
    """The departure of a recipe that runs CPython's own script."""
    return f"{script.folder} runs in a folder of links, and for configure-host only: its make-host starts HOSTRUNNER"


def passed_on(cell: Cell) -> tuple[str, ...]:
    """The cell's own arguments for configure. They come last, so that they win; an unknown one is an error."""
    return ("--enable-option-checking=fatal", *cell.configure) if cell.configure else ()


def other_pin(cell: Cell, tree: Tree) -> tuple[str, ...]:
    """The departure of a cell whose toolchain is not the one that the tree's own script pins."""
    pinned = tree.pinned_toolchain(cell.target)
    if number(pinned) in {"", number(cell.toolchain)}:
        return ()
    script = tree.script(cell.target)
    return (f"the toolchain is {cell.toolchain}, because the cell names it: {script.folder} pins {pinned}",)


def make_step(host: HostBuild, work: Path, env: Mapping[str, str], *arguments: str) -> Step:
    """`make-host`, as every script has it."""
    argv = ("make", "--jobs", str(host.jobs), "all", *arguments)
    return Step(name="make-host", command=Command(argv=argv, cwd=work, env=env))


def outside_git(host: HostBuild) -> dict[str, str]:
    """The variables that hide a git repository around the cache from the scripts, which read the time of its last
    commit.
    """
    return {"GIT_CEILING_DIRECTORIES": str(host.view.parent)}
