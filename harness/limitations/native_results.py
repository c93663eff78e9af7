"""Reads the results of the suite on the native build Python."""

from __future__ import annotations

from pathlib import Path

from harness.manifest import Manifest
from harness.results.outcomes import ModuleResult, decode_module
from harness.util.hashing import content_key


def reference_folder(manifest: Manifest, cache: Path, *, in_place: bool = False) -> Path:
    """Where the reference of a build lies, by the build's manifest: one for each build Python and source. The build
    Python of a checkout stays where it is while the checkout changes. One that is used `in_place` has its own tests.
    """
    if in_place:
        return cache / "references" / f"{manifest.suite or manifest.python}-{content_key([manifest.native])}"
    native, source = Path(manifest.native).parent.name, str(manifest.inputs.get("source", ""))
    return cache / "references" / (native if native.startswith(source) else f"{source}-{native}")


def load_reference(manifest: Manifest, cache: Path, *, in_place: bool = False) -> tuple[ModuleResult, ...]:
    """The native results that there are, by name; it may be a part of the suite, or nothing."""
    return tuple(
        decode_module(path.stem, path.read_text(encoding="utf-8"))
        for path in sorted((reference_folder(manifest, cache, in_place=in_place) / "modules").glob("test*.json"))
    )
