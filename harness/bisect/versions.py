"""Which versions there are, and what a version that is not pinned is pinned to for one bisection.

pip and npm are asked, who have their own configuration of where to look.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
import tempfile
from pathlib import Path

from harness.bisect.question import BisectAxis
from harness.errors import UnavailableError
from harness.matrix.cells import Matrix
from harness.matrix.pins import EmscriptenPin, Installer, Pins, RuntimePin, load_pins
from harness.toolchains.package_index import failed, offered_versions, package_here
from harness.toolchains.runtimes import npm_pack, npm_package, pip
from harness.util.files import write_atomically
from harness.util.hashing import file_sha256
from harness.util.providers import first_available
from harness.util.versions import number

logger = logging.getLogger(__name__)

_HINT = "check the network and its own configuration; or name the versions with --versions"


def known_versions(axis: BisectAxis, matrix: Matrix, pins: Pins) -> set[str]:
    """The versions of an axis: of Emscripten those that are pinned or some cell's; of a runtime those that are pinned
    or offered by one of the installers it is pinned for. UnavailableError when none of them answers.
    """
    if axis is BisectAxis.EMSCRIPTEN:
        cells = {cell.toolchain for cell in matrix.cells if cell.target.traits.toolchain_axis == axis}
        return {version for version in {pin.version for pin in pins.emscripten} | cells if number(version) == version}
    pinned = {pin.version for pin in pins.runtime if pin.name == axis}
    offered, refusals = set(), []
    for pin in _kinds(axis, pins):
        try:
            offered |= offered_versions(pin.installer, package_here(pin))
        except UnavailableError as refusal:
            refusals.append(refusal)
            logger.info("%s does not tell which versions of %s there are: %s", pin.installer, axis, refusal.message)
    if not offered:
        raise refusals[0] if refusals else UnavailableError(f"no version of {axis} is pinned")
    return pinned | offered


def pin_version(axis: BisectAxis, version: str, file: Path, pins: Pins) -> None:
    """Adds the version to the pins in `file`, unless it is pinned already. What comes from an index is pinned to what
    that says now: a later use of the file gets the same or nothing.
    """
    pins = load_pins(file, pins) if file.exists() else pins
    known = pins.emscripten if axis is BisectAxis.EMSCRIPTEN else [pin for pin in pins.runtime if pin.name == axis]
    if any(pin.version == version for pin in known):
        return
    what = f"{axis} {version}"
    attempts = {
        kind.installer.value: functools.partial(_pinned, dataclasses.replace(kind, version=version, sha256=()))
        for kind in _kinds(axis, pins)
    }
    # emsdk at its pinned commit knows the sha256 of each release.
    pin = (
        EmscriptenPin(version=version, node=pins.newest_emscripten.node)
        if axis is BisectAxis.EMSCRIPTEN
        else first_available(what, attempts, hint=_HINT)
    )
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    write_atomically(file, f"{before}{as_toml(pin)}")


def as_toml(pin: EmscriptenPin | RuntimePin) -> str:
    """One pin as pins.toml has it."""
    table = "emscripten" if isinstance(pin, EmscriptenPin) else "runtime"
    values = {name: value for name, value in dataclasses.asdict(pin).items() if value}
    return "\n".join([f"[[{table}]]", *(f"{name} = {json.dumps(value)}" for name, value in values.items()), "", ""])


def read_sha256(report: str) -> str:
    """The sha256 of the one archive in pip's report of an installation (pypa.io: installation report)."""
    install = json.loads(report)["install"]
    value: str = install[0]["download_info"]["archive_info"]["hashes"]["sha256"]
    return value


def _kinds(axis: BisectAxis, pins: Pins) -> list[RuntimePin]:
    """A pin for each installer that the runtime is pinned for: they say how its package is called there."""
    return list({pin.installer: pin for pin in pins.runtime if pin.name == axis}.values())


def _pinned(pin: RuntimePin) -> RuntimePin:
    """The pin with the sha256 of what its installer has now."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if pin.installer is Installer.NPM:
            return dataclasses.replace(pin, sha256=(file_sha256(npm_pack(npm_package(pin), pin.version, folder)),))
        report = folder / "report.json"
        options = ("--dry-run", "--ignore-installed", "--no-deps", "--report", str(report))
        done = pip("install", *options, f"{pin.package_name}=={pin.version}", folder=folder)
        if not done.ok or not report.is_file():
            raise failed(f"pip has no {pin.package_name} {pin.version}", done)
        return dataclasses.replace(pin, sha256=(read_sha256(report.read_text(encoding="utf-8")),))
