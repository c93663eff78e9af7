"""Keys of a cell's parts that are known before anything is downloaded, for the caches of CI jobs. Pure.

The name of a build in the harness's own cache depends on more, such as the provider of the toolchain and the version
that its clang reports, and is known only when source and toolchain are there. These keys depend only on what the cell
asks for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from harness.build.artifact import MANIFEST_SCHEMA
from harness.build.recipes import libraries, native
from harness.build.recipes.targets import recipe_version
from harness.errors import UnavailableError
from harness.matrix.cells import Cell
from harness.matrix.pins import Pins
from harness.targets import Target
from harness.util.hashing import content_key


@dataclasses.dataclass(frozen=True, kw_only=True)
class Keys:
    """The keys of a cell. `build` depends on everything that a build is made from, `source` on the CPython and the
    recipe of its build Python, `toolchain` on the pins of the compiler.
    """

    build: str
    source: str
    toolchain: str


def keys_of(cell: Cell, pins: Pins, bundle_format: int) -> Keys:
    """The keys of a cell. A job caches its build as a bundle of the format `bundle_format`.

    UnavailableError when its CPython, its toolchain or one of its libraries is not pinned.
    """
    source = content_key([dataclasses.asdict(pins.cpython_pin(str(cell.python))), native.VERSION])
    toolchain = content_key(list(_TOOLCHAIN_PINS[cell.target](cell, pins)))
    dependencies = [dataclasses.asdict(pins.library_pin(library)) for library in cell.libraries]
    build = content_key(
        cell.build_flags
        | {
            "bundle": bundle_format,
            "manifest": MANIFEST_SCHEMA,
            "source": source,
            "toolchain": toolchain,
            "recipe": recipe_version(cell.target),
            "dependencies": [libraries.VERSION, *dependencies] if dependencies else [],
        }
    )
    return Keys(
        build=f"{cell.build_id}-{build}",
        source=f"cpython-{cell.python}-{source}",
        toolchain=f"{cell.target}-{cell.toolchain}-{toolchain}",
    )


def _wasi_sdk(cell: Cell, pins: Pins) -> Iterator[dict[str, Any]]:
    yield dataclasses.asdict(pins.wasi_sdk_pin(cell.toolchain))
    yield from (dataclasses.asdict(pin) for pin in pins.wasi_sdk_archive if pin.version == cell.toolchain)


def _emscripten(cell: Cell, pins: Pins) -> Iterator[dict[str, Any]]:
    pin = pins.emscripten_pin(cell.toolchain)
    yield dataclasses.asdict(pin)
    yield dataclasses.asdict(pins.runtime_pin("node", pin.node))
    if pins.emsdk:
        yield dataclasses.asdict(pins.emsdk)


# The pins for all providers, since it is not known yet which of them will be used.
_TOOLCHAIN_PINS = {Target.WASI: _wasi_sdk, Target.EMSCRIPTEN: _emscripten}


def builds_of(cells: Sequence[Cell], pins: Pins, bundle_format: int) -> dict[str, str]:
    """The key of each cell's build, by the cell's id. A cell that is not pinned has a key of its own."""

    def build_of(cell: Cell) -> str:
        try:
            return keys_of(cell, pins, bundle_format).build
        except UnavailableError:
            return cell.id

    return {cell.id: build_of(cell) for cell in cells}
