"""The versions of a runtime's package that pip and npm offer, and the sha256 of its files.

Both use the indexes that the machine's own configuration names.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.errors import OriginError
from harness.matrix.pins import Installer, RuntimePin
from harness.toolchains.runtimes import npm, npm_pack, npm_package, pip
from harness.util.hashing import file_sha256
from harness.util.process import Completed
from harness.util.versions import is_number

# The messages of pip and npm for a package or a version that does not exist.
_NO_WHEEL, _NO_PACKAGE = "No matching distribution", "E404"
_HINT = "check the network and its own configuration (pip config list, npm config list)"
# pip's names for the platforms that people work on, the newest of each first: a wheel may be for an older one.
_LINUX = {
    machine: tuple(f"manylinux_2_{minor}_{machine}" for minor in (39, 34, 31, 28)) for machine in ("x86_64", "aarch64")
}
WHEEL_PLATFORMS: Mapping[str, Sequence[str]] = {
    "Linux x86-64": (*_LINUX["x86_64"], "manylinux2014_x86_64"),
    "Linux arm64": (*_LINUX["aarch64"], "manylinux2014_aarch64"),
    "macOS x86-64": ("macosx_15_0_x86_64",),
    "macOS arm64": ("macosx_15_0_arm64",),
    "musl x86-64": ("musllinux_1_2_x86_64",),
    "musl arm64": ("musllinux_1_2_aarch64",),
    "Windows x86-64": ("win_amd64",),
    "Windows arm64": ("win_arm64",),
}


def package_here(pin: RuntimePin) -> str:
    """The installer's name of the pin's package for this machine."""
    return npm_package(pin) if pin.installer is Installer.NPM else pin.package_name


def offered_versions(installer: Installer, package: str) -> set[str]:
    """The releases of a package. OriginError, with the installer's message, when it lists none."""
    with tempfile.TemporaryDirectory() as scratch:
        if installer is Installer.NPM:
            done = npm("view", package, "versions", "--json", folder=Path(scratch))
        else:
            done = pip("index", "versions", package, folder=Path(scratch))
    found = read_versions(done.output) if done.ok else set()
    if not found:
        raise failed(f"{installer} tells no versions of {package}", done)
    return found


def read_versions(said: str) -> set[str]:
    """The releases in the output of `pip index versions` or of `npm view versions --json`."""
    listed = re.search(r"^Available versions: (.*)$", said, re.MULTILINE)
    words = listed.group(1).split(", ") if listed else re.findall(r'"([^"]+)"', said)
    return {word for word in words if is_number(word)}


def wheel_hashes(package: str, version: str, platforms: Iterable[str]) -> dict[str, str]:
    """The sha256 of the wheel of each of those platforms (keys of WHEEL_PLATFORMS) that has one, downloaded.

    OriginError when pip fails for another reason than that there is none.
    """
    found = {}
    for name in platforms:
        with tempfile.TemporaryDirectory() as scratch:
            tags = [word for tag in WHEEL_PLATFORMS[name] for word in ("--platform", tag)]
            wanted = f"{package}=={version}"
            done = pip("download", "--quiet", "--no-deps", *tags, wanted, folder=Path(scratch))
            if wheel := next(iter(Path(scratch).glob("*.whl")), None):
                found[name] = file_sha256(wheel)
            elif _NO_WHEEL not in done.output:
                raise failed(f"pip cannot download {wanted} for {name}", done)
    return found


def npm_hash(package: str, version: str) -> str:
    """The sha256 of the archive of that version, downloaded; empty when npm has no such package or version.

    OriginError when npm fails for another reason.
    """
    try:
        if version not in offered_versions(Installer.NPM, package):
            return ""
    except OriginError as error:
        if _NO_PACKAGE in error.message:
            return ""
        raise
    with tempfile.TemporaryDirectory() as scratch:
        return file_sha256(npm_pack(package, version, Path(scratch)))


def failed(what: str, done: Completed) -> OriginError:
    """The error of an installer that failed, with the end of its output."""
    return OriginError(f"{what}: it {done.ending}\n{done.tail()}".rstrip(), hint=_HINT)
