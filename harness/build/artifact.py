"""A finished build and its key, a hash of all its inputs: the same inputs are the same build.

A build is in `builds/<cell>-<key>`: `root` is what the guest sees as `/`, `manifest.json` says everything that went in,
`modules.json` lists the modules of the suite, `logs` has the output of each step.
"""

from __future__ import annotations

import functools
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.build.libraries import Libraries
from harness.build.recipes import native
from harness.build.recipes.cpython_tree import Tree, read_tree
from harness.build.recipes.targets import guest_environment, installed_environment, recipe_version
from harness.manifest import Manifest
from harness.matrix.cells import Cell
from harness.sources import Source
from harness.targets import Target
from harness.toolchains import Toolchain
from harness.util.hashing import content_key, file_sha256

MANIFEST_SCHEMA = 2
NO_LIBRARIES = Libraries()


@dataclass(frozen=True, kw_only=True)
class Build:
    """A finished build and the manifest of what made it."""

    folder: Path
    manifest: Manifest

    @property
    def root(self) -> Path:
        """The folder that the guest sees as `/`."""
        return self.folder / "root"

    @property
    def wasm(self) -> Path:
        return self.root / self.manifest.layout.wasm

    @property
    def program(self) -> Path:
        """What the engine loads: the wasm itself, or the JavaScript module that goes with it."""
        return self.root / self.manifest.layout.program

    @property
    def tests(self) -> Path:
        """The suite's folder, a Lib/test."""
        return self.root / (self.manifest.layout.library or "Lib") / "test"

    @functools.cached_property
    def tree(self) -> Tree:
        """The source tree that it was built from, which is a part of it."""
        return read_tree(self.root)

    @functools.cached_property
    def sysconfig(self) -> str:
        """The path at which the guest has the folder with the sysconfig data."""
        folder = self.manifest.layout.build_folder
        return f"/{folder}/{(self.root / folder / 'pybuilddir.txt').read_text().strip()}"

    @property
    def wasm_stack(self) -> int:
        """Bytes of wasm stack that a guest needs under wasmtime."""
        return self.manifest.layout.wasm_stack or self.tree.wasm_stack()

    def guest_environment(self, target: Target) -> dict[str, str]:
        """The environment that the interpreter needs to find itself."""
        if self.manifest.layout.library:
            return installed_environment(target)
        return guest_environment(target, self.tree, self.sysconfig)

    def modules(self) -> tuple[str, ...]:
        """The suite's modules by regrtest's names, in regrtest's order."""
        return tuple(json.loads((self.folder / "modules.json").read_text()))

    @classmethod
    def load(cls, folder: Path) -> Build:
        return cls(folder=folder, manifest=Manifest.from_json(json.loads((folder / "manifest.json").read_text())))


def source_record(source: Source) -> dict[str, str]:
    """What a manifest says of a source: everything but its path on this machine."""
    return {key: str(value) for key, value in vars(source).items() if key != "root"}


def wasm_record(wasm: Path) -> dict[str, Any]:
    """What a manifest says of the interpreter's wasm."""
    return {"bytes": wasm.stat().st_size, "sha256": file_sha256(wasm)}


def time_of_build() -> str:
    """Now, as a manifest has it: ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def build_inputs(
    cell: Cell, source: Source, toolchain: Toolchain, libraries: Libraries = NO_LIBRARIES
) -> dict[str, Any]:
    """Everything a build's content depends on; its hash names the build."""
    # A build without libraries keeps the key that it had before there were any.
    return (
        cell.build_flags
        | ({"dependencies": list(libraries.ids)} if libraries.found else {})
        | {
            "manifest": MANIFEST_SCHEMA,
            "source": source.id,
            "toolchain": toolchain.id,
            "recipe": [recipe_version(cell.target), native.VERSION],
        }
    )


def build_folder(
    cell: Cell, source: Source, toolchain: Toolchain, cache: Path, libraries: Libraries = NO_LIBRARIES
) -> Path:
    """Where the build is, or will be. The build of another cell is taken if it has the same key: a cell whose toolchain
    the user has replaced may be the same as another cell.
    """
    key = content_key(build_inputs(cell, source, toolchain, libraries))
    own = cache / "builds" / f"{cell.build_id}-{key}"
    return own if own.exists() else next(iter(sorted(own.parent.glob(f"*-{key}"))), own)
