"""Whether a Node has JSPI (WebAssembly.Suspending), and the option that it needs for that. Pure.

Measured with the pinned ones: 20 and 22 have none, whatever option they get; 24.19 has it with the option, 24.20 and 26
by themselves. 26 no longer knows the option and does not start with it.
"""

from __future__ import annotations

from packaging.version import Version

from harness.errors import ConfigError
from harness.matrix.cells import MACHINES_OWN, Cell
from harness.util.versions import number

OPTION = "--experimental-wasm-jspi"
_FIRST, _BY_ITSELF = Version("24"), Version("24.20")


def has_jspi(cell: Cell, runtime: str = "") -> bool:
    """Whether the guests of a cell under Node, of that version if not the cell's own, have JSPI."""
    version = _version(runtime or cell.runtime)
    return version is not None and (version >= _BY_ITSELF or (cell.jspi and version >= _FIRST))


def node_options(cell: Cell) -> tuple[str, ...]:
    """Node's options for the cell. ConfigError for a cell with `jspi` whose Node has none."""
    if not cell.jspi:
        return ()
    if not has_jspi(cell):
        raise ConfigError(
            f"{cell.id} is a cell with JSPI, and Node {cell.runtime} has none",
            hint=f"Node 24 has it with {OPTION}, from 24.20 on by itself: leave --runtime out, or name another cell",
        )
    version = _version(cell.runtime)
    return (OPTION,) if version is not None and version < _BY_ITSELF else ()


def _version(text: str) -> Version | None:
    """The version of the Node; None where it is not known."""
    found = "" if text == MACHINES_OWN else number(text)
    return Version(found) if found else None
