"""Finds pins that an origin no longer has. Effects: asks every origin, and downloads nothing but emsdk's commit."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from harness.curation.pins.origins import Debian, Origins
from harness.errors import OriginError, UnavailableError
from harness.matrix.pins import EmsdkPin, Installer, Pins, RuntimePin, TarballPin, WasiSdkPin
from harness.toolchains.emscripten.debian import release
from harness.toolchains.package_index import offered_versions, package_here
from harness.toolchains.wasi.debian import other_revisions
from harness.util import apt
from harness.util.download import CONNECT_SECONDS, Presence, connection_fault, presence
from harness.util.git import fetch_commit, remote_tags


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer of one origin on one pin. `reason` is why the origin does not have the pin; empty if it does."""

    pin: str
    presence: Presence
    reason: str = ""


def check_pins(origins: Origins) -> tuple[Answer, ...]:
    """The answer of each origin of each pin, in the order of the file."""
    pins = origins.pins
    return (
        *_of_addresses(pins),
        *_of_debian(pins, origins.debian),
        *([_of_emsdk(pins.emsdk)] if pins.emsdk else []),
        *_of_packages(pins),
    )


def _of_addresses(pins: Pins) -> list[Answer]:
    """Answers on the files that are pinned by their address. A host that does not answer is asked once."""
    addresses = [(f"{pin.title}, its official tarball", pin.url) for pin in (*pins.cpython, *pins.library)]
    addresses += [(f"WASI SDK {pin.version} for {pin.platform}", pin.url) for pin in pins.wasi_sdk_archive]
    hosts = {urlsplit(url).netloc: url for _, url in addresses}
    with ThreadPoolExecutor(max_workers=8) as pool:
        tried = pool.map(lambda url: connection_fault(url, CONNECT_SECONDS), hosts.values())
        faults = {host: fault for host, fault in zip(hosts, tried, strict=True) if fault}
        return list(pool.map(lambda item: _of_address(item[0], item[1], faults), addresses))


def _of_address(pin: str, url: str, faults: Mapping[str, str]) -> Answer:
    host = urlsplit(url).netloc
    if host in faults:
        return Answer(pin=pin, presence=Presence.UNKNOWN, reason=f"{host} cannot be reached ({faults[host]})")
    where, reason = presence(url)
    return Answer(pin=pin, presence=where, reason=reason)


def _of_debian(pins: Pins, debian: Debian) -> Iterator[Answer]:
    """Answers on what apt provides: source tarballs, the clang and wasi-libc of an SDK, Emscripten."""
    for tarball in (*pins.cpython, *pins.library):
        if tarball.apt_suite:
            yield _ask(debian, tarball.apt_suite, f"{tarball.title}, Debian's tarball", partial(_tarball, tarball))
    for sdk in pins.wasi_sdk:
        if sdk.apt_suite:
            yield _ask(debian, sdk.apt_suite, f"WASI SDK {sdk.version}, Debian's packages", partial(_revisions, sdk))
    for emscripten in pins.emscripten:
        if emscripten.apt_suite:
            what = f"Emscripten {emscripten.version}, Debian's package"
            yield _ask(debian, emscripten.apt_suite, what, partial(_release, emscripten.version))


def _ask(debian: Debian, suite: str, pin: str, ask: Callable[[apt.Apt], tuple[Presence, str]]) -> Answer:
    lists = debian.of(suite)
    where, reason = (Presence.UNKNOWN, lists) if isinstance(lists, str) else ask(lists)
    return Answer(pin=pin, presence=where, reason=reason)


def _tarball(pin: TarballPin, lists: apt.Apt) -> tuple[Presence, str]:
    """Whether the suite lists the file with its sha256, and the archive gives it."""
    files = {name: sha256 for each in apt.source_packages(lists, pin.apt_source) for name, sha256 in each.files.items()}
    if pin.apt_file not in files:
        others = ", ".join(sorted(name for name in files if ".orig." in name and not name.endswith(".asc")))
        return Presence.GONE, f"{lists.suite} lists {others or f'no {pin.apt_source}'} now"
    if files[pin.apt_file] != pin.sha256_of_apt:
        return Presence.GONE, f"{pin.apt_file} of {lists.suite} has another sha256 now: {files[pin.apt_file]}"
    return presence(apt.pool_address(lists.archive, pin.apt_source, pin.apt_file))


def _revisions(pin: WasiSdkPin, lists: apt.Apt) -> tuple[Presence, str]:
    wrong = other_revisions(pin, apt.binary_versions(lists, pin.apt_packages))
    return (Presence.GONE, f"in {lists.suite} {wrong}") if wrong else (Presence.THERE, "")


def _release(version: str, lists: apt.Apt) -> tuple[Presence, str]:
    found = release(apt.binary_versions(lists, ["emscripten"]).get("emscripten", ""))
    return (Presence.THERE, "") if found == version else (Presence.GONE, f"{lists.suite} has {found or 'none'} now")


def _of_emsdk(emsdk: EmsdkPin) -> Answer:
    """Whether the commit can be fetched. A repository that answers and does not give it, does not have it."""
    pin = f"emsdk, commit {emsdk.commit[:12]}"
    try:
        remote_tags(emsdk.url)
    except OriginError as error:
        return Answer(pin=pin, presence=Presence.UNKNOWN, reason=error.message.splitlines()[0])
    with tempfile.TemporaryDirectory() as scratch:
        try:
            fetch_commit(emsdk.url, emsdk.commit, Path(scratch))
        except OriginError as error:
            return Answer(pin=pin, presence=Presence.GONE, reason=error.message)
    return Answer(pin=pin, presence=Presence.THERE)


def _of_packages(pins: Pins) -> Iterator[Answer]:
    """Answers on the versions of the runtimes and of npm's packages; each index is asked once for each package."""
    npm = [RuntimePin(name=pin.name, version=pin.version, sha256=(), installer=Installer.NPM) for pin in pins.npm]
    wanted = [(pin, package_here(pin)) for pin in pins.runtime] + [(pin, pin.name) for pin in npm]
    offered = {
        (installer, package): _versions(installer, package)
        for installer, package in dict.fromkeys((pin.installer, package) for pin, package in wanted)
    }
    for pin, package in wanted:
        versions = offered[pin.installer, package]
        what = f"{pin.name} {pin.version}, {package} of {pin.installer}"
        if isinstance(versions, str):
            yield Answer(pin=what, presence=Presence.UNKNOWN, reason=versions)
        elif pin.version not in versions:
            yield Answer(pin=what, presence=Presence.GONE, reason=f"{pin.installer} does not list that version")
        else:
            yield Answer(pin=what, presence=Presence.THERE)


def _versions(installer: Installer, package: str) -> set[str] | str:
    """The versions that there are, or why none is known."""
    try:
        return offered_versions(installer, package)
    except UnavailableError as error:
        return error.message.splitlines()[0]
