"""A pin of CPython: the official tarball, and the Debian source package that has the same file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.curation.pins.origins import Available, Fetch, Finding, Origins
from harness.curation.pins.text import NewTable
from harness.curation.pins.wanted import Product, Wanted, line_of
from harness.errors import ConfigError, OriginError
from harness.util import apt
from harness.util.download import Presence, fetch_unpinned, presence

_FOLDER = re.compile(r'href="(3\.\d+\.\d+)/"')
_EXTENSIONS = {"xz": "tar.xz", "gz": "tgz"}
# Those that have a source package in Debian, and some that are to come.
_SERIES = tuple(f"3.{minor}" for minor in range(11, 20))


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """The tarball of a version in a Debian source package. `fault` is why the archive does not give the file, if so."""

    suite: str
    source: str
    file: str
    sha256: str
    fault: str = ""


def locate(wanted: Wanted, origins: Origins) -> Fetch:
    """What gets the pin. ConfigError when no origin has the version, OriginError when none of them can be asked."""
    version = wanted.version
    packaged = _packaged(version, origins)
    url = official_url(origins.python, version, packaged.file if packaged else "")
    where, reason = presence(url)
    if packaged is None and where is Presence.GONE:
        raise ConfigError(f"there is no {wanted}: python.org and Debian's suites do not have it ({reason})")
    if packaged is None and where is Presence.UNKNOWN:
        raise OriginError(
            "; ".join([f"{wanted} cannot be pinned: {reason}", *(origins.debian.faults or ["no Debian suite has it"])]),
            hint="check the network and the proxy settings (https_proxy)",
        )

    def fetch() -> Finding:
        found = ""
        if where is Presence.THERE:
            with tempfile.TemporaryDirectory() as scratch:
                found = fetch_unpinned(url, Path(scratch) / "tarball")
        return decide(wanted, url, found, reason, packaged)

    return fetch


def official_url(base: str, version: str, packaged: str = "") -> str:
    """The address of the tarball; with the compression of Debian's file, so that both can be the same."""
    release = re.sub(r"(a|b|rc)\d+$", "", version)
    extension = _EXTENSIONS.get(packaged.rpartition(".")[2], "tar.xz")
    return f"{base}/{release}/Python-{version}.{extension}"


def decide(wanted: Wanted, url: str, official: str, reason: str, packaged: Packaged | None) -> Finding:
    """The pin from the sha256 of the official tarball, empty for a `reason`, and from Debian's.

    Debian counts when its file is the official one, or when nothing is known of that.
    """
    unchecked = []
    values = {"version": wanted.version, "url": url, "sha256": official}
    same = packaged is not None and official in {"", packaged.sha256}
    if packaged and same:
        keys = {"apt_suite": packaged.suite, "apt_source": packaged.source, "apt_file": packaged.file}
        values |= {"sha256": packaged.sha256, **keys}
        if packaged.fault:
            unchecked.append(f"apt cannot provide it at present: {packaged.fault}")
    elif packaged:
        unchecked.append(f"Debian's {packaged.file} of {packaged.suite} is another file: apt will not provide it")
    else:
        unchecked.append("no Debian suite has this version: only python.org states its sha256")
    if not official:
        unchecked.append(f"the official tarball was not downloaded: {reason}")
    comment = "" if official else "This sha256 is that of Debian's signed index."
    table = NewTable(table="cpython", values=values, comment=comment)
    return Finding(wanted=wanted, tables=(table,), unchecked=tuple(unchecked))


def _packaged(version: str, origins: Origins) -> Packaged | None:
    """Debian's tarball of that version: of the first suite whose archive still gives it, else of the first that lists
    it.
    """
    source = f"python{line_of(Product.CPYTHON, version)}"
    found = []
    for lists in origins.debian:
        for file, sha256 in tarballs(apt.source_packages(lists, source), source, version):
            where, reason = presence(apt.pool_address(lists.archive, source, file))
            fault = "" if where is Presence.THERE else reason
            found.append(Packaged(suite=lists.suite, source=source, file=file, sha256=sha256, fault=fault))
    return min(found, key=lambda packaged: bool(packaged.fault), default=None)


def tarballs(packages: Iterable[apt.SourcePackage], source: str, version: str) -> list[tuple[str, str]]:
    """Name and sha256 of each original tarball of exactly that version."""
    upstream = re.sub(r"(a|b|rc)(\d+)$", r"~\1\2", version)
    name = re.compile(rf"{re.escape(source)}_{re.escape(upstream)}\.orig\.tar\.(xz|gz)")
    return [item for package in packages for item in package.files.items() if name.fullmatch(item[0])]


def available(origins: Origins) -> Available:
    """The versions in the folders of python.org and in the source packages of Debian's suites."""
    packages = [
        package.version
        for lists in origins.debian
        for series in _SERIES
        for package in apt.source_packages(lists, f"python{series}")
    ]
    found, unasked = set(filter(None, map(upstream_version, packages))), [*origins.debian.faults]
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "page"
        try:
            fetch_unpinned(f"{origins.python}/", page)
            found |= set(_FOLDER.findall(page.read_text(encoding="utf-8", errors="replace")))
        except OriginError as error:
            unasked.append(error.message.splitlines()[0])
    return Available(versions=frozenset(found), unasked=tuple(unasked))


def upstream_version(debian: str) -> str:
    """`3.15.0rc1` of Debian's `3.15.0~rc1-2`; empty when that is no version of CPython."""
    found = re.match(r"(\d+\.\d+\.\d+)(?:~((?:a|b|rc)\d+))?-", debian)
    return f"{found[1]}{found[2] or ''}" if found else ""
