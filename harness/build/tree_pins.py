"""Cells that take the versions which their source tree pins, instead of their own. Pure.

A tree pins them in its settings (`Platforms/emscripten/config.toml`). For older ones CPython's documents name them.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.build.recipes.cpython_tree import Tree
from harness.errors import ConfigError, UnavailableError
from harness.matrix.cells import Cell
from harness.matrix.pins import Pins
from harness.targets import Engine, Target
from harness.util.versions import number

logger = logging.getLogger(__name__)

# The toolchain of a series whose tree pins none. docs/cells.md has the table with its sources.
DOCUMENTED = {
    (Target.WASI, "3.11"): "21",
    (Target.WASI, "3.12"): "21",
    (Target.WASI, "3.13"): "24",
    (Target.WASI, "3.14"): "24",
    (Target.WASI, "3.15"): "33",
    (Target.EMSCRIPTEN, "3.14"): "4.0.12",
}


# The origins of a setting, as messages name them.
_TREE, _COMMAND, _CELL = "its tree", "the command line", "the cell"


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What the user has chosen instead of what the tree pins: `--toolchain` and `--runtime`."""

    toolchain: bool = False
    runtime: bool = False


def check_takes_tree_pins(cell: Cell) -> None:
    """ConfigError for a cell whose id names a toolchain, since the tree's might be another one."""
    if cell.toolchain and cell.toolchain in cell.id.split("-"):
        raise ConfigError(
            f"--tree-pins takes the toolchain that the tree of its CPython pins, and {cell.id} names its own",
            hint=f"`{cell.target}` is the cell without one: `python -m harness cells` lists its kinds",
        )


def pinned_by_tree(cell: Cell, tree: Tree, version: str, pins: Pins, chosen: Overrides = Overrides()) -> Cell:
    """The cell with the toolchain, the Node and the regrtest resources that the tree of CPython `version` pins.

    What the tree does not pin stays as the cell has it. ConfigError if the cell has no toolchain either, and if the
    settings of the tree lack a version. UnavailableError with everything that the harness has no pin for, and with what
    to use instead.
    """
    _check_settings(cell, tree, chosen)
    found, lacking = cell, list[str]()
    if not chosen.toolchain:
        found = dataclasses.replace(found, toolchain=_toolchain(cell, tree, version)[0])
        lacking += _toolchain_lacks(found, pins)
    node = tree.pinned_node() if cell.engine is Engine.NODE and not chosen.runtime else ""
    if node:
        newest = newest_of_series([pin.version for pin in pins.runtime if pin.name == Engine.NODE], node)
        found = dataclasses.replace(found, runtime=newest or node)
        other = f"`python -m harness pins add node VERSION`, or another: --runtime {cell.runtime}"
        lacking += [] if newest else [f"Node {node}: {other}"]
    if lacking:
        raise UnavailableError("\n".join([f"{tree.name} asks for what is not pinned here:", *lacking]))
    found = dataclasses.replace(found, resources=tree.pinned_resources(cell.target) or cell.resources)
    logger.info("CPython %s: %s", version, "; ".join(_origins(cell, found, tree, version, chosen)))
    return found


def _check_settings(cell: Cell, tree: Tree, chosen: Overrides) -> None:
    """ConfigError if the settings of the tree lack a version that the user has not chosen: any other one might not be
    the toolchain for which the tree is written.
    """
    options = {"--toolchain": chosen.toolchain, "--runtime": chosen.runtime or cell.engine is not Engine.NODE}
    needed = [(key, option) for key, option in tree.lacking_settings(cell.target).items() if not options[option]]
    if needed:
        raise ConfigError(
            f"{tree.name}: {tree.config_path(cell.target)} has no {' and no '.join(key for key, _ in needed)}",
            hint=f"add what is missing, or choose it with {' and '.join(f'{option} VERSION' for _, option in needed)}",
        )


def _origins(cell: Cell, found: Cell, tree: Tree, version: str, chosen: Overrides) -> list[str]:
    """The versions of the cell with their origin: the tree, the documents of its CPython, the command or the cell."""
    toolchain = _COMMAND if chosen.toolchain else _toolchain(cell, tree, version)[1]
    has_node = cell.engine is Engine.NODE and tree.pinned_node()
    runtime = _COMMAND if chosen.runtime else _TREE if has_node else _CELL
    by_origin: dict[str, list[str]] = {}
    for what, origin in (
        (f"{cell.target.traits.toolchain_name} {found.toolchain}", toolchain),
        (f"{cell.engine.label} {found.runtime}", runtime),
        (f"-u {found.resources}", _TREE if tree.pinned_resources(cell.target) else _CELL),
    ):
        by_origin.setdefault(origin, []).append(what)
    return [f"{', '.join(items)} by {origin}" for origin, items in by_origin.items()]


def check_fits(cell: Cell, tree: Tree, version: str) -> None:
    """ConfigError if the toolchain of the cell is known not to build CPython `version`, or CPython's own script not to
    run with it.
    """
    if cell.target is Target.WASI:
        tree.wasi_triple()
    # The trampoline of these releases relied on MAIN_MODULE implying RELOCATABLE (python/cpython#145037).
    broken = re.fullmatch(r"3\.14\.[0-3]\+?", version) and cell.target is Target.EMSCRIPTEN
    if broken and _parts(cell.toolchain) >= _parts("4.0.19"):
        raise ConfigError(
            f"{tree.name} does not build with Emscripten {cell.toolchain}: 3.14.0 to 3.14.3 need one before 4.0.19 "
            "(python/cpython#145037)",
            hint="--toolchain 4.0.12 is the one that CPython 3.14 names; 3.14.4 and later build with newer ones",
        )


def _toolchain(cell: Cell, tree: Tree, version: str) -> tuple[str, str]:
    """The version of the toolchain for the tree, and its origin."""
    series = ".".join(version.split(".")[:2])
    candidates = (
        (tree.pinned_toolchain(cell.target), _TREE),
        (DOCUMENTED.get((cell.target, series), ""), f"the documents of CPython {series}"),
        (cell.toolchain, _CELL),
    )
    for toolchain, origin in candidates:
        if toolchain:
            return toolchain, origin
    name = cell.target.traits.toolchain_name
    raise ConfigError(
        f"{cell.id} takes the {name} that the tree of its CPython pins, and {tree.name} pins none",
        hint=f"--toolchain VERSION-OR-PATH names one, and so does a cell such as {cell.id}-VERSION; "
        "--cpython PATH tests another tree: those of 3.14 and later pin theirs",
    )


def _toolchain_lacks(cell: Cell, pins: Pins) -> list[str]:
    name, version = cell.target.traits.toolchain_name, cell.toolchain
    known = {
        Target.WASI: [pin.version for pin in pins.wasi_sdk],
        Target.EMSCRIPTEN: [pin.version for pin in pins.emscripten],
    }[cell.target]
    other = f"--toolchain PATH or one of {', '.join(known)}"
    if number(version) != version:
        return [f"{name} {version}, which is no version: name another: {other}"]
    add = f"`python -m harness pins add {name.lower().replace(' ', '-')} {version}`"
    return [] if version in known else [f"{name} {version}: {add}, or another: {other}"]


def newest_of_series(versions: Sequence[str], series: str) -> str:
    """The newest of the versions in the series, which is itself a version or the beginning of one; empty if none is."""
    parts = series.split(".")
    fitting = [version for version in versions if version.split(".")[: len(parts)] == parts]
    return max(fitting, key=_parts, default="")


def _parts(version: str) -> list[int]:
    return [int(part) for part in number(version).split(".")]
