"""The compiler of a cell, from the provider that has it."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from harness.errors import ConfigError, UnavailableError, did_you_mean
from harness.matrix.cells import Cell
from harness.matrix.pins import EmscriptenPin, Pins, WasiSdkPin
from harness.targets import Target
from harness.toolchains.base import Toolchain, cached
from harness.toolchains.emscripten import debian as emscripten_apt
from harness.toolchains.emscripten import emsdk, layout
from harness.toolchains.emscripten import own as own_emscripten
from harness.toolchains.wasi import debian, release
from harness.toolchains.wasi import own as own
from harness.util.providers import first_available
from harness.util.versions import number

logger = logging.getLogger(__name__)

__all__ = [
    "EMSCRIPTEN_PROVIDERS",
    "WASI_SDK_PROVIDERS",
    "Toolchain",
    "check_toolchain",
    "obtain_toolchain",
    "stated_version",
    "toolchain_environment",
]

P_contra = TypeVar("P_contra", contravariant=True)


class ToolchainProvider(Protocol[P_contra]):
    """A module that can get the toolchain of a pin into the cache."""

    def entry(self, pin: P_contra, pins: Pins, cache: Path, /) -> Path | None:
        """Its place in the cache; None when this provider has no such toolchain."""

    def obtain(self, pin: P_contra, pins: Pins, cache: Path, /) -> Toolchain:
        """The toolchain, or UnavailableError."""


_NO_SDK = f"path: {own.WASI_SDK_VARIABLE} is not set", "set it to the folder of a WASI SDK"
_NO_EMSCRIPTEN = "path: $EMSDK is not set and no emcc is on PATH", "source emsdk_env.sh, or give --toolchain PATH"
WASI_SDK_PROVIDERS: Mapping[str, ToolchainProvider[WasiSdkPin]] = {"wasi-sdk": release, "apt": debian}
EMSCRIPTEN_PROVIDERS: Mapping[str, ToolchainProvider[EmscriptenPin]] = {"emsdk": emsdk, "apt": emscripten_apt}


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """The providers that can be tried for one toolchain. `attempts` has `path`, the user's own, first.

    `set_up` says that the environment names a toolchain of the user's own. `in_cache` are the providers whose toolchain
    is in the cache.
    """

    what: str
    hint: str
    attempts: Mapping[str, Callable[[], Toolchain]]
    set_up: bool
    in_cache: frozenset[str]

    def order(self, wanted: str) -> tuple[str, ...]:
        """The providers to try in their order: only the wanted one; else the user's own, those whose toolchain is in
        the cache, and the others.
        """
        if wanted:
            _check_provider(wanted, self.attempts)
            return (wanted,)
        others = sorted((name for name in self.attempts if name != "path"), key=lambda name: name not in self.in_cache)
        return (*(("path",) if self.set_up else ()), *others)


def obtain_toolchain(
    cell: Cell,
    pins: Pins,
    cache: Path,
    *,
    provider: str = "",
    path: Path | None = None,
) -> Toolchain:
    """The WASI SDK or the Emscripten of the cell, of exactly its version.

    It is the one at `path`, or the one of `provider`. Without both these are tried: the user's own (WASI_SDK_PATH;
    $EMSDK or an emcc on PATH, if it is of that version), the cache, the official release, then apt. UnavailableError
    with the reason of each if none of them has it.
    """
    choice = _WAYS[cell.target].choose(cell.toolchain, pins, cache, path)
    toolchain = _first(choice, "path" if path else provider)
    logger.info("%s is from %s: %s", choice.what, toolchain.provider, toolchain.root)
    return toolchain


def _first(choice: _Choice, wanted: str) -> Toolchain:
    attempts = {name: choice.attempts[name] for name in choice.order(wanted)}
    return first_available(choice.what, attempts, hint=choice.hint)


def check_toolchain(cell: Cell, pins: Pins, *, provider: str = "", path: Path | None = None) -> Path | None:
    """The path of the user's own toolchain that `obtain_toolchain` will take; None if it will take another one.

    ConfigError or UnavailableError, without the network, for a provider that does not exist, a version that no provider
    has, and a path without such a toolchain.
    """
    way = _WAYS[cell.target]
    if provider:
        _check_provider(provider, ("path", *way.providers))
    return way.check(cell.toolchain, pins, provider, path)


def stated_version(target: Target, path: Path) -> str:
    """The version that the toolchain at that path states, in the form of the cells: of an Emscripten `3.1.69`, of a
    WASI SDK only the first number. UnavailableError when there is none, or it states no version.
    """
    version = _STATED[target](path)
    if not version:
        raise UnavailableError(
            f"path: {path} is no {target.traits.toolchain_name} that states its version",
            hint="give the folder of one: an Emscripten has emscripten-version.txt, a WASI SDK has VERSION",
        )
    return version


def _stated_emscripten(path: Path) -> str:
    root = own_emscripten.find_root(path)
    return number(own_emscripten.version_of(root)) if root else ""


_STATED = {
    Target.WASI: lambda path: number(own.stated_version(path)).partition(".")[0],
    Target.EMSCRIPTEN: _stated_emscripten,
}


def _check_wasi(version: str, pins: Pins, provider: str, path: Path | None) -> Path | None:
    given = os.environ.get(own.WASI_SDK_VARIABLE)
    folder = path or (Path(given) if given else None)
    pin = wasi_sdk_pin(version, pins, own=folder is not None)
    if path and own.find_sysroot(path):
        return path
    if path or provider == "path":
        own.look_at(pin, _given(folder, *_NO_SDK))
        return folder
    if folder and not provider:
        with contextlib.suppress(UnavailableError):  # it is passed over then
            own.look_at(pin, folder)
            return folder
    return None


def _check_emscripten(version: str, pins: Pins, provider: str, path: Path | None) -> Path | None:
    given = own_emscripten.from_environment()
    pin = emscripten_pin(version, pins, own=path is not None)
    pins.runtime_pin("node", pin.node)
    if path or provider == "path":
        own_emscripten.check_agrees(own_emscripten.look_at(pin, folder := _given(path or given, *_NO_EMSCRIPTEN)))
        return folder
    return given if given and not provider and own_emscripten.is_of_version(given, version) else None


def _check_provider(wanted: str, known: Iterable[str]) -> None:
    if wanted not in known:
        raise ConfigError(f"there is no toolchain provider {wanted!r}; {did_you_mean(wanted, known)}")


def _wasi(version: str, pins: Pins, cache: Path, path: Path | None) -> _Choice:
    given = os.environ.get(own.WASI_SDK_VARIABLE)
    folder = path or (Path(given) if given else None)
    pin = wasi_sdk_pin(version, pins, own=folder is not None)
    attempts = {"path": lambda: own.obtain(pin, _given(folder, *_NO_SDK))}
    if path and (sysroot := own.find_sysroot(path)):
        # It is combined with the clang of the SDK that the cell would get without it.
        sdk = _wasi(version, pins, cache, None)
        attempts = {"path": lambda: own.with_sysroot(_first(sdk, ""), sysroot, cache)}
    return _Choice(
        what=f"WASI SDK {pin.version}",
        hint=f"one that you have always works: {own.WASI_SDK_VARIABLE}=FOLDER{_others(version, pins.wasi_sdk)}",
        attempts=attempts | _attempts(WASI_SDK_PROVIDERS, pin, pins, cache),
        set_up=bool(given),
        in_cache=_in_cache(WASI_SDK_PROVIDERS, pin, pins, cache),
    )


def _emscripten(version: str, pins: Pins, cache: Path, path: Path | None) -> _Choice:
    pin = emscripten_pin(version, pins, own=path is not None)
    given = own_emscripten.from_environment()
    folder = path or given
    attempts = {"path": lambda: own_emscripten.obtain(pin, _given(folder, *_NO_EMSCRIPTEN), pins, cache)}
    return _Choice(
        what=f"Emscripten {pin.version}",
        hint=f"one of your own serves: --toolchain PATH, of an emsdk or of {number(pin.version)}-git"
        f"{_others(version, pins.emscripten)}",
        attempts=attempts | _attempts(EMSCRIPTEN_PROVIDERS, pin, pins, cache),
        # Users of several versions have only one of them on PATH. That this is another one is not reported.
        set_up=given is not None and own_emscripten.is_of_version(given, version),
        in_cache=_in_cache(EMSCRIPTEN_PROVIDERS, pin, pins, cache),
    )


def _others(version: str, pins: Iterable[WasiSdkPin | EmscriptenPin]) -> str:
    """A hint with the other versions that apt has, since apt often works where releases cannot be downloaded."""
    packaged = [pin.version for pin in pins if pin.apt_suite and pin.version != version]
    return f"; another version, which apt has too: --toolchain {' or '.join(packaged)}" if packaged else ""


class _Way(NamedTuple):
    """How the toolchain of a target is obtained: its providers, the function behind `check_toolchain`, and the one that
    lists what can be tried.
    """

    providers: Iterable[str]
    check: Callable[[str, Pins, str, Path | None], Path | None]
    choose: Callable[[str, Pins, Path, Path | None], _Choice]


_WAYS = {
    Target.WASI: _Way(WASI_SDK_PROVIDERS, _check_wasi, _wasi),
    Target.EMSCRIPTEN: _Way(EMSCRIPTEN_PROVIDERS, _check_emscripten, _emscripten),
}


def wasi_sdk_pin(version: str, pins: Pins, *, own: bool) -> WasiSdkPin:
    """The pin of that version. The user's `own` SDK needs none: its VERSION file says what it is."""
    if own and version not in {pin.version for pin in pins.wasi_sdk}:
        return WasiSdkPin(version=version, llvm="", wasi_libc="", evidence="")
    return pins.wasi_sdk_pin(version)


def emscripten_pin(version: str, pins: Pins, *, own: bool) -> EmscriptenPin:
    """The pin of that version. The user's `own` needs none: it gets the Node of the newest pinned version."""
    if own and version not in {pin.version for pin in pins.emscripten}:
        return EmscriptenPin(version=version, node=pins.newest_emscripten.node)
    return pins.emscripten_pin(version)


def _attempts(
    providers: Mapping[str, ToolchainProvider[P_contra]],
    pin: P_contra,
    pins: Pins,
    cache: Path,
) -> dict[str, Callable[[], Toolchain]]:
    def attempt(provider: ToolchainProvider[P_contra]) -> Callable[[], Toolchain]:
        return lambda: provider.obtain(pin, pins, cache)

    return {name: attempt(provider) for name, provider in providers.items()}


def _in_cache(
    providers: Mapping[str, ToolchainProvider[P_contra]], pin: P_contra, pins: Pins, cache: Path
) -> frozenset[str]:
    entries = {name: provider.entry(pin, pins, cache) for name, provider in providers.items()}
    return frozenset(name for name, entry in entries.items() if entry and cached(entry))


def _given(folder: Path | None, fault: str, hint: str) -> Path:
    if folder is None:
        raise UnavailableError(fault, hint=hint)
    return folder


def toolchain_environment(toolchain: Toolchain, cache: Path) -> dict[str, str]:
    """The environment of the harness, with what the toolchain needs."""
    return layout.whole_environment(toolchain, cache) if toolchain.kind == layout.TOOLCHAIN_KIND else dict(os.environ)
