"""`pins add`, `pins update` and `pins check`: from what is asked for to the changed file, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.curation.pins import cpython, emscripten, runtimes, wasi_sdk
from harness.curation.pins.origins import Available, Fetch, Finding, Origins
from harness.curation.pins.text import with_emsdk, with_table
from harness.curation.pins.wanted import Product, Wanted, parse_wanted, pinned_versions, proposals
from harness.errors import HarnessError
from harness.util.files import write_atomically

_LOCATE: dict[Product, Callable[[Wanted, Origins], Fetch]] = {
    Product.CPYTHON: cpython.locate,
    Product.EMSCRIPTEN: emscripten.locate,
    Product.NODE: runtimes.locate,
    Product.WASI_SDK: wasi_sdk.locate,
    Product.WASMTIME: runtimes.locate,
}
_AVAILABLE: dict[Product, Callable[[Origins], Available]] = {
    Product.CPYTHON: cpython.available,
    Product.EMSCRIPTEN: emscripten.available,
    Product.NODE: lambda _: runtimes.available(Product.NODE),
    Product.WASI_SDK: wasi_sdk.available,
    Product.WASMTIME: lambda _: runtimes.available(Product.WASMTIME),
}


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """What `pins update` found of a product: versions that are newer than the pinned ones, why an origin was not asked,
    and whether any has named a version.
    """

    product: Product
    newer: tuple[Wanted, ...]
    unasked: tuple[str, ...]
    asked: bool = True


def add_pins(words: Sequence[str], file: Path, origins: Origins) -> tuple[Finding, ...]:
    """Writes the pins of the products and versions in `words` to the file, and gives what was found of each.

    ConfigError or UnavailableError before any download when one of them is pinned already, is no version, or is known
    to no origin; nothing is written then.
    """
    found = tuple(fetch() for fetch in [_locate(wanted, origins) for wanted in parse_wanted(words, origins.pins)])
    write_findings(found, file, origins)
    return found


def find_renewals(origins: Origins) -> tuple[Renewal, ...]:
    """For each product what the origins have that is newer than its pins."""
    found = []
    for product in Product:
        available = _AVAILABLE[product](origins)
        newer = proposals(product, pinned_versions(origins.pins, product), available.versions)
        found.append(
            Renewal(product=product, newer=tuple(newer), unasked=available.unasked, asked=bool(available.versions))
        )
    return tuple(found)


def add_renewals(renewals: Iterable[Renewal], file: Path, origins: Origins) -> tuple[list[Finding], list[str]]:
    """Writes the newer versions to the file; gives what was found, and why a version could not be pinned."""
    found, refused = list[Finding](), list[str]()
    for wanted in (wanted for renewal in renewals for wanted in renewal.newer):
        try:
            found.append(_locate(wanted, origins)())
        except HarnessError as error:
            refused.append(f"{wanted}: {error.message}")
    write_findings(found, file, origins)
    return found, refused


def write_findings(findings: Sequence[Finding], file: Path, origins: Origins) -> None:
    """Writes the pins into the file, which is made when it is not there."""
    if not findings:
        return
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    for finding in findings:
        for table in finding.tables:
            text = with_table(text, table)
        if finding.emsdk_commit and origins.pins.emsdk:
            text = with_emsdk(text, origins.pins.emsdk.url, finding.emsdk_commit)
    write_atomically(file, text)


def _locate(wanted: Wanted, origins: Origins) -> Fetch:
    return _LOCATE[wanted.product](wanted, origins)
