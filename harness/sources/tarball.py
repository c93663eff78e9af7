"""The official source tarball."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.matrix.pins import TarballPin
from harness.sources.base import Provenance
from harness.util.archive import unpack
from harness.util.download import fetch


def fill(pin: TarballPin, tree: Path, _cache: Path) -> Provenance:
    """Downloads and unpacks the pinned tarball."""
    with tempfile.TemporaryDirectory(dir=tree.parent) as scratch:
        unpack(fetch(pin.url, pin.sha256, Path(scratch) / Path(pin.url).name), tree)
    return Provenance(provider="tarball", origin=pin.url, revision=pin.sha256)
