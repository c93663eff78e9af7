"""The manifest of a build, as it is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def as_table(value: Any) -> Mapping[str, Any]:
    """A part of a build's manifest, which any version of the harness may have written: empty where it is no table."""
    return value if isinstance(value, Mapping) else {}


def libraries_of(manifest: Mapping[str, object]) -> Collection[str] | None:
    """The libraries that a build is linked with, as its manifest has them; None where it is older than that record."""
    found = manifest.get("dependencies")
    return tuple(found) if isinstance(found, Mapping) else None
