"""The release archive of the WASI SDK."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from harness.errors import UnavailableError
from harness.matrix.pins import Pins, WasiSdkPin
from harness.toolchains.base import Toolchain, make_toolchain, wasi_toolchain
from harness.util.archive import unpack
from harness.util.download import fetch
from harness.util.hashing import content_key

_MACHINES = {"aarch64": "arm64", "amd64": "x86_64"}
_SYSTEMS = {"darwin": "macos"}


def platform_name(system: str = sys.platform, machine: str = "") -> str:
    """The name of this machine in the SDK's releases: `x86_64-linux`, `arm64-macos`."""
    machine = (machine or platform.machine()).lower()
    return f"{_MACHINES.get(machine, machine)}-{_SYSTEMS.get(system, system)}"


def entry(pin: WasiSdkPin, pins: Pins, cache: Path) -> Path | None:
    """Its place in the cache; None when no archive is pinned for this machine."""
    archive = pins.archive(pin.version, platform_name())
    return cache / "toolchains" / f"wasi-sdk-{pin.version}-{content_key(archive.sha256)}" if archive else None


def obtain(pin: WasiSdkPin, pins: Pins, cache: Path) -> Toolchain:
    """The release archive, downloaded and unpacked unless the cache has it."""
    archive, final = pins.archive(pin.version, platform_name()), entry(pin, pins, cache)
    if archive is None or final is None:
        raise UnavailableError(
            f"wasi-sdk: no archive of WASI SDK {pin.version} is pinned for {platform_name()}",
            hint="add a [[wasi_sdk_archive]] to matrices/pins.toml",
        )

    def fill(folder: Path) -> Toolchain:
        packed = fetch(archive.url, archive.sha256, folder / Path(archive.url).name)
        unpack(packed, folder / "sdk")
        packed.unlink()
        facts = {"llvm": pin.llvm, "wasi_libc": pin.wasi_libc, "url": archive.url, "sha256": archive.sha256}
        return wasi_toolchain("wasi-sdk", pin.version, final / "sdk", facts)

    return make_toolchain(final, fill)
