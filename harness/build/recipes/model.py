"""How a CPython is built, as a list of commands. Pure: a recipe computes, `steps.py` executes.

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

    `build_folder` is where CPython's own script has it: getpath finds the library by the number of its levels.
    `program` is what an engine loads, `wasm` the code in it.
    """

    build_folder: str
    program: str
    wasm: str


@dataclass(frozen=True, kw_only=True)
class HostBuild:
    """All that a cross build is made with.

    `view` is a folder that looks like the checkout, with the build Python where CPython's scripts look for it; `tree`
    what they say; `sdk` the toolchain's folder; `env` the whole environment, that of the toolchain included;
    `cache_file` configure's. `libraries` are the folders of those that it is linked with, each with `include` and `lib`
    in it.
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
    """The cell's own arguments for configure, which come last and so win. One it does not know is an error then."""
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
    """Keeps the scripts from taking the time of the last commit of a repository that the cache happens to lie in."""
    return {"GIT_CEILING_DIRECTORIES": str(host.view.parent)}
