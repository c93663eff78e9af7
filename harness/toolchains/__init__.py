"""The compiler of a cell, from whoever can provide it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from harness.errors import ConfigError, UnavailableError, did_you_mean
from harness.matrix import Cell, Target
from harness.pins import Pins, WasiSdkPin
from harness.providers import first_that_can
from harness.toolchains import apt, wasi_sdk
from harness.toolchains import path as own
from harness.toolchains.base import Toolchain, cached

__all__ = ["Toolchain", "obtain_toolchain"]


class Provider(Protocol):
    """A module that can get a WASI SDK into the cache."""

    def entry(self, pin: WasiSdkPin, pins: Pins, cache: Path, /) -> Path | None:
        """Where it stands in the cache; None when this provider has no such SDK."""

    def obtain(self, pin: WasiSdkPin, pins: Pins, cache: Path, say: Callable[[str], None], /) -> Toolchain:
        """The SDK, or UnavailableError."""


PROVIDERS: Mapping[str, Provider] = {"wasi-sdk": wasi_sdk, "apt": apt}


def obtain_toolchain(
    cell: Cell,
    pins: Pins,
    cache: Path,
    *,
    provider: str = "",
    path: Path | None = None,
    say: Callable[[str], None] = print,
) -> Toolchain:
    """The WASI SDK of the cell, of exactly its version.

    `path` is taken and nothing else. Without it: WASI_SDK_PATH when that is set, what the cache has, the
    release archive, then apt; or only `provider`. UnavailableError tells why each of them could not.
    """
    if cell.target is not Target.WASI:
        raise ConfigError(f"{cell.id}: there is no toolchain provider for {cell.target}")
    pin = pins.wasi_sdk_pin(cell.toolchain)
    names = ("path",) if path else _order(pin, pins, cache, provider)
    folder = path or _from_environment()

    def attempt(name: str) -> Callable[[], Toolchain]:
        if name == "path":
            return lambda: own.obtain(pin, _given(folder))
        return lambda: PROVIDERS[name].obtain(pin, pins, cache, say)

    what = f"WASI SDK {pin.version}"
    hint = f"one that you have always works: {own.VARIABLE}=FOLDER"
    toolchain = first_that_can(what, {name: attempt(name) for name in names}, hint=hint, say=say)
    say(f"{what} is from {toolchain.provider}: {toolchain.root}")
    return toolchain


def _order(pin: WasiSdkPin, pins: Pins, cache: Path, wanted: str) -> tuple[str, ...]:
    """Whom to ask: the one that is wanted; else the user's own, whoever has it in the cache, the others."""
    if wanted:
        names = ("path", *PROVIDERS)
        if wanted not in names:
            raise ConfigError(f"there is no toolchain provider {wanted!r}; {did_you_mean(wanted, names)}")
        return (wanted,)

    def is_missing(name: str) -> bool:
        entry = PROVIDERS[name].entry(pin, pins, cache)
        return entry is None or cached(entry) is None

    return (*(("path",) if _from_environment() else ()), *sorted(PROVIDERS, key=is_missing))


def _from_environment() -> Path | None:
    value = os.environ.get(own.VARIABLE)
    return Path(value) if value else None


def _given(folder: Path | None) -> Path:
    if folder is None:
        raise UnavailableError(f"path: {own.VARIABLE} is not set", hint="set it to the folder of a WASI SDK")
    return folder
