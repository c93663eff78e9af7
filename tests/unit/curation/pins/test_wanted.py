"""Which pins may be asked for, and which would be new."""

from __future__ import annotations

import pytest

from harness.curation.pins.wanted import Product, Wanted, newest_of_each_line, parse_wanted, pinned_versions, proposals
from harness.errors import ConfigError
from harness.matrix.pins import EmscriptenPin, Pins, RuntimePin
from tests.unit.sample_pins import PINS

NODE = RuntimePin(name="node", version="24.19.0", sha256=("ab" * 32,))
ALL = PINS.and_also(Pins(runtime=(NODE,), emscripten=(EmscriptenPin(version="6.0.5", node="24.19.0"),)))


def mistake(*words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_wanted(words, ALL)
    return caught.value.message


def test_several_products_are_named_in_one_call() -> None:
    found = parse_wanted(["emscripten", "6.0.10", "node", "24.21.0", "wasi-sdk", "34"], ALL)
    assert found == (
        Wanted(Product.EMSCRIPTEN, "6.0.10"),
        Wanted(Product.NODE, "24.21.0"),
        Wanted(Product.WASI_SDK, "34"),
    )


def test_a_product_that_does_not_exist_is_named_with_the_nearest() -> None:
    assert mistake("wasmtme", "46.0.1") == "'wasmtme' is no product that can be pinned; did you mean 'wasmtime'?"


def test_a_product_that_resembles_none_lists_all() -> None:
    assert mistake("ruby", "3.4.0").endswith("allowed: cpython, emscripten, node, wasi-sdk, wasmtime")


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("cpython", "3.14"),
        ("cpython", "latest"),
        ("node", "24"),
        ("node", "v24.1.0"),
        ("wasi-sdk", "34.0"),
        ("emscripten", "6.0.10-git"),
    ],
)
def test_what_is_not_a_whole_version_is_refused_with_an_example(name: str, version: str) -> None:
    assert f"{version!r} is no whole version of" in mistake(name, version)


@pytest.mark.parametrize("version", ["3.15.0rc1", "3.15.0a2", "3.14.10"])
def test_a_pre_release_of_cpython_is_a_version(version: str) -> None:
    assert parse_wanted(["cpython", version], ALL) == (Wanted(Product.CPYTHON, version),)


def test_a_product_without_a_version_is_refused() -> None:
    assert mistake("node", "24.21.0", "wasmtime") == "wasmtime has no version behind it"


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("cpython", "3.13.5"),
        ("emscripten", "6.0.5"),
        ("node", "24.19.0"),
        ("wasi-sdk", "25"),
        ("wasmtime", "50.0.1"),
    ],
)
def test_what_is_pinned_already_is_refused(name: str, version: str) -> None:
    assert mistake(name, version).endswith(f" {version} is pinned already")


def test_all_mistakes_are_named_at_once() -> None:
    found = mistake("node", "24.19.0", "ruby", "1", "wasmtime", "1.0.0", "wasmtime", "1.0.0")
    assert "is pinned already; 'ruby' is no product" in found
    assert found.endswith("wasmtime 1.0.0 is named twice")


def test_the_pinned_versions_of_a_runtime_are_its_own() -> None:
    assert pinned_versions(ALL, Product.NODE) == ("24.19.0",)
    assert pinned_versions(ALL, Product.WASMTIME) == ("50.0.1",)


def test_the_newest_is_by_number_and_no_pre_release() -> None:
    found = newest_of_each_line(Product.CPYTHON, ["3.14.9", "3.14.10", "3.14.2", "3.15.0rc1", "3.13.5", "2.7.18", "x"])
    assert found == {"3.13": "3.13.5", "3.14": "3.14.10"}


def test_each_pinned_line_is_renewed_and_a_newer_line_begins() -> None:
    found = proposals(
        Product.NODE, ["22.1.0", "24.19.0"], ["20.9.0", "22.1.0", "24.21.0", "24.3.0", "25.9.0", "26.0.0"]
    )
    assert list(found) == [Wanted(Product.NODE, "24.21.0"), Wanted(Product.NODE, "26.0.0")]


def test_an_odd_node_that_is_pinned_is_renewed() -> None:
    assert list(proposals(Product.NODE, ["25.1.0"], ["25.9.0"])) == [Wanted(Product.NODE, "25.9.0")]


def test_there_is_one_newest_wasmtime() -> None:
    assert list(proposals(Product.WASMTIME, ["38.0.0", "50.0.1"], ["46.0.1", "50.0.1"])) == []
    assert list(proposals(Product.WASMTIME, ["50.0.1"], ["51.0.0", "50.0.2"])) == [Wanted(Product.WASMTIME, "51.0.0")]


def test_without_any_pin_each_line_is_new() -> None:
    assert [wanted.version for wanted in proposals(Product.CPYTHON, [], ["3.13.1", "3.14.0"])] == ["3.13.1", "3.14.0"]
