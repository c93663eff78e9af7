"""An interpreter that somebody else has built, laid out as a build: its package as it was published, and the tests of a
CPython, which such a package leaves out.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.build.artifact import MANIFEST_SCHEMA
from harness.build.stage import link_tree
from harness.manifest import other_suite
from harness.matrix.cells import Cell, Distribution
from harness.matrix.pins import PackagePin
from harness.sources import Source
from harness.util.files import write_atomically
from harness.util.hashing import content_key

# Changes with what is laid out here.
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class PrebuiltLayout:
    """Where things lie in the package of a distribution, and what its guests need.

    `folder` is the package's own below the root of the build. `tests` is where the guest has the package `test`, with
    the series of CPython in the place of `{series}`.
    """

    folder: str
    program: str
    wasm: str
    tests: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def tests_of(self, python: str) -> str:
        """The guest's path of the tests, for an interpreter of that version."""
        return self.tests.format(series=".".join(python.split(".")[:2]))


PREBUILT: Mapping[Distribution, PrebuiltLayout] = {
    Distribution.PYODIDE: PrebuiltLayout(
        folder="pyodide",
        program="pyodide/pyodide.mjs",
        wasm="pyodide/pyodide.asm.wasm",
        # From 0.315 on the folder above it is not on sys.path.
        tests="/lib/python{series}/site-packages/test",
        # Unless it is set, Pyodide's loader makes it 1: then SystemExit ends no interpreter.
        environment={"HOME": "/home/pyodide", "PYTHONINSPECT": ""},
    )
}


def prebuilt_inputs(cell: Cell, pin: PackagePin, suite: Source) -> dict[str, Any]:
    """Everything that such a build depends on; its hash names it."""
    return cell.build_flags | {
        "manifest": MANIFEST_SCHEMA,
        "layout": _VERSION,
        "release": [cell.distribution.value, cell.release, pin.sha256],
        "source": suite.id,
    }


def prebuilt_folder(cell: Cell, pin: PackagePin, suite: Source, cache: Path) -> Path:
    """Where the build is, or will be."""
    return cache / "builds" / f"{cell.build_id}-{content_key(prebuilt_inputs(cell, pin, suite))}"


def lay_out_prebuilt(cell: Cell, pin: PackagePin, package: Path, suite: Source, folder: Path) -> None:
    """Fills `folder` with the build but for the list of its modules: the files of `package` and the tests of `suite`,
    as hard links where the file system allows it.
    """
    layout = PREBUILT[cell.distribution]
    root = folder / "root"
    link_tree(package, root / layout.folder, leave_out=())
    link_tree(suite.root / "Lib" / "test", root / "Lib" / "test", leave_out=("__pycache__",))
    wasm = (root / layout.wasm).read_bytes()
    manifest = {
        "schema": MANIFEST_SCHEMA,
        "inputs": prebuilt_inputs(cell, pin, suite),
        "cell": cell.build_id,
        "built": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "source": {"provider": "npm", "origin": f"{pin.name} {pin.version}", "revision": pin.sha256},
        "python": cell.python.version,
        "native": "",
        "layout": {"build_folder": layout.folder, "program": layout.program, "wasm": layout.wasm},
        "toolchain": {"version": cell.toolchain, "provider": pin.name, "id": f"{pin.name}-{pin.version}"},
        "recipe": {"name": f"{pin.name}-package", "version": _VERSION, "departures": _departures(cell, suite)},
        "dependencies": {library.value: {"version": f"of {pin.name}"} for library in cell.libraries},
        "suite": {key: str(value) for key, value in vars(suite).items() if key != "root"},
        "steps": [],
        "wasm": {"bytes": len(wasm), "sha256": hashlib.sha256(wasm).hexdigest()},
    }
    write_atomically(folder / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True))


def _departures(cell: Cell, suite: Source) -> list[str]:
    where = f"the tests are CPython's own, mounted where {cell.distribution} would install them"
    return [where, *([other] if (other := other_suite(cell.python.version, suite.version)) else [])]
