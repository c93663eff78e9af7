"""Lays out a published interpreter as a build: the files of its package, and the tests of a CPython, which the package
does not contain.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.build.artifact import MANIFEST_SCHEMA, source_record, time_of_build, wasm_record
from harness.build.stage import link_tree
from harness.errors import UnavailableError
from harness.manifest import other_suite
from harness.matrix.cells import Cell, Distribution
from harness.matrix.pins import PackagePin
from harness.sources import Source
from harness.util.files import write_atomically
from harness.util.hashing import content_key

# To be increased when the layout changes, so that older builds are not used.
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class PrebuiltLayout:
    """The places of files in the package of a distribution, and the environment of its guests.

    `folder` is the folder below the root of the build that gets the package; `files` are patterns of the files that are
    copied. `tests` is the guest's path of the package `test`; `{series}` stands for the series of CPython.
    """

    folder: str
    files: tuple[str, ...]
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
        # The `dist` of a build also contains all of Pyodide's packages, which are not copied.
        files=("pyodide*", "python*", "package.json"),
        program="pyodide/pyodide.mjs",
        wasm="pyodide/pyodide.asm.wasm",
        # From 0.315 on the folder above it is not on sys.path.
        tests="/lib/python{series}/site-packages/test",
        # If it is not set, Pyodide's loader sets it to 1, and SystemExit does not end the interpreter.
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


@dataclass(frozen=True, kw_only=True)
class Release:
    """The versions that a folder with a distribution states: its own, that of its CPython, and its Emscripten's."""

    version: str
    python: str
    emscripten: str


def read_release(distribution: Distribution, folder: Path) -> Release:
    """The release in the folder. UnavailableError, with what is wrong, when it holds none."""
    layout = PREBUILT[distribution]
    wasm, loader = folder / Path(layout.wasm).name, folder / Path(layout.program).name
    library, lock = folder / "python_stdlib.zip", folder / "pyodide-lock.json"
    if missing := [path.name for path in (loader, wasm, library, lock) if not path.is_file()]:
        raise _no_release(distribution, folder, f"it has no {' and no '.join(missing)}")
    with wasm.open("rb") as stream:
        if stream.read(4) != b"\0asm":
            raise _no_release(distribution, folder, f"{wasm.name} is no WebAssembly")
    if not zipfile.is_zipfile(library):
        raise _no_release(distribution, folder, f"{library.name} is no zip, or is cut off")
    try:
        info = json.loads(lock.read_text(encoding="utf-8"))["info"]
        python, platform = str(info["python"]), str(info["platform"])
    except (ValueError, TypeError, KeyError) as error:
        raise _no_release(distribution, folder, f"{lock.name} names no CPython and no platform") from error
    # The version in the lock file is not maintained; the loader has the right one.
    found = re.search(r'="(\d+\.\d+\.\d+[\w.]*)"', loader.read_text(encoding="utf-8", errors="replace"))
    if not found:
        raise _no_release(distribution, folder, f"{loader.name} states no version")
    emscripten = platform.removeprefix("emscripten_").replace("_", ".")
    return Release(version=found[1], python=python, emscripten=emscripten)


def _no_release(distribution: Distribution, folder: Path, why: str) -> UnavailableError:
    return UnavailableError(
        f"{folder} is no {distribution} that can be tested: {why}",
        hint="name the folder with its pyodide.mjs: `dist` of a build, or a release that was unpacked",
    )


def lay_out_prebuilt(
    cell: Cell, pin: PackagePin, package: Path, suite: Source, folder: Path, *, provider: str = "npm"
) -> None:
    """Makes the build in `folder`, without the list of its modules: the files of `package`, and the tests of `suite`,
    as hard links if the file system allows it. `provider` is the origin of the package.
    """
    layout = PREBUILT[cell.distribution]
    root = folder / "root"
    (root / layout.folder).mkdir(parents=True)
    # Copies, since the build's files become read-only and the package may be the user's own.
    for path in (path for pattern in layout.files for path in package.glob(pattern) if path.is_file()):
        shutil.copy2(path, root / layout.folder / path.name)
    link_tree(suite.root / "Lib" / "test", root / "Lib" / "test", leave_out=("__pycache__",))
    manifest = {
        "schema": MANIFEST_SCHEMA,
        "inputs": prebuilt_inputs(cell, pin, suite),
        "cell": cell.build_id,
        "built": time_of_build(),
        "source": {"provider": provider, "origin": f"{pin.name} {pin.version}", "revision": pin.sha256},
        "python": cell.python.version,
        "native": "",
        "layout": {"build_folder": layout.folder, "program": layout.program, "wasm": layout.wasm},
        "toolchain": {"version": cell.toolchain, "provider": pin.name, "id": f"{pin.name}-{pin.version}"},
        "recipe": {"name": f"{pin.name}-package", "version": _VERSION, "departures": _departures(cell, suite)},
        "dependencies": {library.value: {"version": f"of {pin.name}"} for library in cell.libraries},
        "suite": source_record(suite),
        "steps": [],
        "wasm": wasm_record(root / layout.wasm),
    }
    write_atomically(folder / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True))


def _departures(cell: Cell, suite: Source) -> list[str]:
    where = f"the tests are CPython's own, mounted where {cell.distribution} would install them"
    return [where, *([other] if (other := other_suite(cell.python.version, suite.version)) else [])]
