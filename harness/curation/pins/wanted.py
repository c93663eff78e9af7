"""Decides what can be pinned by name and version, and which pins would be new. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from packaging.version import Version

from harness.errors import ConfigError, did_you_mean
from harness.matrix.pins import Pins


class Product(StrEnum):
    """What `pins` takes by name: CPython, the toolchains, the runtimes."""

    CPYTHON = "cpython"
    EMSCRIPTEN = "emscripten"
    NODE = "node"
    WASI_SDK = "wasi-sdk"
    WASMTIME = "wasmtime"

    @property
    def label(self) -> str:
        return _TITLES[self]


_TITLES = {
    Product.CPYTHON: "CPython",
    Product.EMSCRIPTEN: "Emscripten",
    Product.NODE: "Node",
    Product.WASI_SDK: "WASI SDK",
    Product.WASMTIME: "wasmtime",
}
_WHOLE = re.compile(r"\d+\.\d+\.\d+")
# How a version of each is written, and an example.
_FORMS = {
    Product.CPYTHON: (re.compile(r"3\.\d+\.\d+((a|b|rc)\d+)?"), "3.14.10"),
    Product.EMSCRIPTEN: (_WHOLE, "6.0.5"),
    Product.NODE: (_WHOLE, "24.21.0"),
    Product.WASI_SDK: (re.compile(r"\d+"), "33"),
    Product.WASMTIME: (_WHOLE, "46.0.1"),
}


@dataclass(frozen=True, order=True)
class Wanted:
    """One version of one product."""

    product: Product
    version: str

    def __str__(self) -> str:
        return f"{self.product.label} {self.version}"


def pinned_versions(pins: Pins, product: Product) -> tuple[str, ...]:
    """The versions of a product that are pinned, in the order of the file."""
    versions = {
        Product.CPYTHON: [pin.version for pin in pins.cpython],
        Product.EMSCRIPTEN: [pin.version for pin in pins.emscripten],
        Product.WASI_SDK: [pin.version for pin in pins.wasi_sdk],
    }
    return tuple(versions.get(product, [pin.version for pin in pins.runtime if pin.name == product]))


def parse_wanted(words: Sequence[str], pins: Pins) -> tuple[Wanted, ...]:
    """The products and versions that alternate in `words`. ConfigError with all that is wrong with them: a product that
    does not exist, a version that is none, one that is pinned already.
    """
    pairs = [(words[index], (*words[index + 1 :], "")[0]) for index in range(0, len(words), 2)]
    mistakes = [mistake for name, version in pairs if (mistake := _mistake(name, version, pins))]
    twice = sorted({f"{name} {version} is named twice" for name, version in pairs if pairs.count((name, version)) > 1})
    if mistakes or twice:
        hint = "python -m harness pins add PRODUCT VERSION [PRODUCT VERSION ...]"
        raise ConfigError("; ".join([*mistakes, *twice]), hint=hint)
    return tuple(Wanted(Product(name), version) for name, version in pairs)


def _mistake(name: str, version: str, pins: Pins) -> str:
    if name not in {*Product}:
        return f"{name!r} is no product that can be pinned; {did_you_mean(name, map(str, Product))}"
    product = Product(name)
    form, example = _FORMS[product]
    if not version:
        return f"{name} has no version behind it"
    if not form.fullmatch(version):
        return f"{version!r} is no whole version of {product.label}, such as {example}"
    return f"{product.label} {version} is pinned already" if version in pinned_versions(pins, product) else ""


def line_of(product: Product, version: str) -> str:
    """What of a version is maintained by itself: a series of CPython, a major version of Node; of the others there is
    one line, with the empty name.
    """
    depth = {Product.CPYTHON: 2, Product.NODE: 1}.get(product, 0)
    return ".".join(version.split(".")[:depth])


def newest_of_each_line(product: Product, versions: Iterable[str]) -> dict[str, str]:
    """The newest release of each line; pre-releases and what is no version do not count.

    For Node 24.19.0, 24.21.0 and 26.10.0 that is {"24": "24.21.0", "26": "26.10.0"}.
    """
    form, _ = _FORMS[product]
    releases = [version for version in versions if form.fullmatch(version) and not Version(version).is_prerelease]
    newest = {line_of(product, version): version for version in sorted(releases, key=Version)}
    return dict(sorted(newest.items(), key=lambda item: Version(item[1])))


def proposals(product: Product, pinned: Sequence[str], available: Iterable[str]) -> Iterator[Wanted]:
    """What would be new: the newest of each pinned line that is newer than what is pinned of it, and the newest of each
    line above the newest that is pinned. Of Node only even major versions, which are maintained for years.
    """
    have = newest_of_each_line(product, pinned)
    top = max((Version(version) for version in have.values()), default=Version("0"))
    for line, version in newest_of_each_line(product, available).items():
        odd = product is Product.NODE and int(line) % 2
        if (line in have and Version(version) > Version(have[line])) or (
            line not in have and Version(version) > top and not odd
        ):
            yield Wanted(product, version)
