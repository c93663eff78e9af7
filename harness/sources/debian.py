"""Debian's source package: its original tarball is the upstream one, and is held to the same sha256.

Where Debian has repacked it, the pin names the sha256 of that file.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.errors import OriginError, UnavailableError
from harness.matrix.pins import TarballPin
from harness.sources.base import Provenance
from harness.util.apt import fetch_source, machines_address
from harness.util.archive import unpack
from harness.util.download import fetch
from harness.util.hashing import file_sha256


def fill(pin: TarballPin, tree: Path, cache: Path) -> Provenance:
    """Downloads the tarball of the pinned source package, checks and unpacks it."""
    if not pin.apt_source:
        raise UnavailableError(f"apt: no source package is pinned that has {pin.title}")
    with tempfile.TemporaryDirectory(dir=tree.parent) as scratch:
        unpack(_downloaded(pin, cache, Path(scratch)), tree)
    origin = f"debian:{pin.apt_suite}/{pin.apt_source}/{pin.apt_file}"
    return Provenance(provider="apt", origin=origin, revision=pin.sha256_of_apt)


def _downloaded(pin: TarballPin, cache: Path, folder: Path) -> Path:
    """The pinned tarball in the folder, from where an archive has such a file. Where it is not there apt looks in the
    archive's lists, which takes ten seconds more, and says what they have.
    """
    try:
        address = machines_address(pin.apt_source, pin.apt_file)
        return fetch(address, pin.sha256_of_apt, folder / pin.apt_file)
    except UnavailableError:
        fetch_source(pin.apt_source, pin.apt_suite, cache, folder, pin.apt_file)
        return checked(pin, folder)


def checked(pin: TarballPin, folder: Path) -> Path:
    """The pinned tarball among the downloaded files; UnavailableError when it is not there or is another."""
    archive = folder / pin.apt_file
    if not archive.exists():
        there = ", ".join(sorted(path.name for path in folder.iterdir()))
        raise OriginError(
            f"apt: {pin.apt_suite} has another version of {pin.apt_source} now: wanted {pin.apt_file}, found {there}",
            hint="matrices/pins.toml names the file; use the official origin or a path",
        )
    found = file_sha256(archive)
    if found != pin.sha256_of_apt:
        raise OriginError(
            f"apt: {pin.apt_file} is not what is pinned:\n  wanted sha256 {pin.sha256_of_apt}\n  found  sha256 {found}",
            hint="Debian repacked it; use the official origin or a path",
        )
    return archive
