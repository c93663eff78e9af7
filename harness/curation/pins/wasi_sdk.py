"""Pins of a WASI SDK: its release archives, what its VERSION says, and the Debian packages of the same revisions."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from harness.curation.pins.origins import Available, Fetch, Finding, Origins
from harness.curation.pins.text import NewTable, Value
from harness.curation.pins.wanted import Wanted
from harness.errors import ConfigError, OriginError, UnavailableError
from harness.matrix.pins import WasiSdkPin
from harness.toolchains.wasi.debian import other_revisions, packages_of
from harness.util import apt
from harness.util.archive import read_member
from harness.util.download import Presence, fetch_unpinned, presence
from harness.util.git import remote_tags

PLATFORMS = ("x86_64-linux", "arm64-linux", "x86_64-macos", "arm64-macos")
_TAG = re.compile(r"wasi-sdk-(\d+)")


def locate(wanted: Wanted, origins: Origins) -> Fetch:
    """What gets the pin. ConfigError when there is no such release, OriginError when its archives cannot be reached."""
    urls = {platform: archive_url(origins.wasi_sdk, wanted.version, platform) for platform in PLATFORMS}
    found = {platform: presence(url) for platform, url in urls.items()}
    there = {platform: urls[platform] for platform, (where, _) in found.items() if where is Presence.THERE}
    reasons = {reason for where, reason in found.values() if where is Presence.UNKNOWN}
    if not there and reasons:
        raise OriginError(
            f"{wanted} cannot be pinned: {min(reasons)}", hint="check the network and the proxy settings (https_proxy)"
        )
    if not there:
        raise ConfigError(f"there is no {wanted}: {found[PLATFORMS[0]][1]}")
    return lambda: _fetch(wanted, there, origins)


def archive_url(base: str, version: str, platform: str) -> str:
    """The address of a release archive."""
    return f"{base}/releases/download/wasi-sdk-{version}/wasi-sdk-{version}.0-{platform}.tar.gz"


def available(origins: Origins) -> Available:
    """The versions that the repository has tags of."""
    try:
        tags = remote_tags(f"{origins.wasi_sdk}.git")
    except OriginError as error:
        return Available(versions=frozenset(), unasked=(error.message.splitlines()[0],))
    return Available(versions=frozenset(found[1] for tag in tags if (found := _TAG.fullmatch(tag))))


def _fetch(wanted: Wanted, urls: Mapping[str, str], origins: Origins) -> Finding:
    archives, stated = [], ""
    with tempfile.TemporaryDirectory() as scratch:
        for platform, url in urls.items():
            packed = Path(scratch) / Path(url).name
            sha256 = fetch_unpinned(url, packed)
            stated = stated or read_member(packed, "VERSION")
            packed.unlink()
            values = {"version": wanted.version, "platform": platform, "url": url, "sha256": sha256}
            archives.append(NewTable(table="wasi_sdk_archive", values=values))
    pin, suites = stated_pin(wanted.version, stated), origins.debian
    packaged = {lists.suite: apt.binary_versions(lists, packages_of(pin)) for lists in suites}
    suite = next((name for name, versions in packaged.items() if not other_revisions(pin, versions)), "")
    unchecked = [f"there is no archive for {platform}" for platform in PLATFORMS if platform not in urls]
    unchecked += suites.faults
    if suite:
        pin = WasiSdkPin(**asdict(pin) | {"apt_suite": suite, "apt_packages": packages_of(pin)})
    else:
        unchecked.append(f"no Debian suite has clang {pin.llvm} and wasi-libc {pin.wasi_libc}: apt cannot provide it")
    kept: dict[str, Value] = {name: value for name, value in asdict(pin).items() if value}
    return Finding(
        wanted=wanted, tables=(NewTable(table="wasi_sdk", values=kept), *archives), unchecked=tuple(unchecked)
    )


def stated_pin(version: str, stated: str) -> WasiSdkPin:
    """The pin of an SDK by the text of its file VERSION. UnavailableError when that does not name clang and wasi-libc,
    or is that of another SDK.
    """
    first, _, rest = stated.partition("\n")
    parts = dict(re.findall(r"^([\w-]+): *(\S+)", rest, re.MULTILINE))
    llvm = re.match(r"\d+\.\d+", parts.get("llvm-version", ""))
    libc = re.match(r"[0-9a-f]{7}", parts.get("wasi-libc", ""))
    if not llvm or not libc or not re.match(rf"{version}\.", first):
        said = f"its file VERSION says {stated.strip()!r}" if stated else "its archives have no file VERSION"
        raise UnavailableError(
            f"WASI SDK {version} cannot be pinned: {said}",
            hint="write a [[wasi_sdk]] by hand, with the revisions of the submodules of its tag as evidence",
        )
    evidence = (
        f"the release's VERSION says {first.strip()}, llvm {parts['llvm-version']}, wasi-libc {parts['wasi-libc']}"
    )
    return WasiSdkPin(version=version, llvm=llvm.group(), wasi_libc=libc.group(), evidence=evidence)
