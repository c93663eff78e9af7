"""What a pin is made of, product by product, once the origins have answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.curation.pins import cpython, emscripten, wasi_sdk
from harness.curation.pins.cpython import Packaged
from harness.curation.pins.origins import Debian, Finding, Origins
from harness.curation.pins.wanted import Product, Wanted
from harness.errors import UnavailableError
from harness.matrix.pins import EmscriptenPin, EmsdkPin, Pins
from harness.util.apt import SourcePackage

CPYTHON = Wanted(Product.CPYTHON, "3.14.10")
URL = "https://python.example.org/3.14.10/Python-3.14.10.tar.xz"
SHA, OTHER = "ab" * 32, "cd" * 32
DEBIAN = Packaged(suite="sid", source="python3.14", file="python3.14_3.14.10.orig.tar.xz", sha256=SHA)
VERSION = """\
33.0+m
wasi-libc: 161b3195fc25
llvm: 4434dabb6991
llvm-version: 22.1.0
config: f992bcc08219
"""


def values(finding: Finding) -> dict[str, object]:
    return dict(finding.tables[0].values)


def test_debian_may_stand_in_where_its_file_is_the_official_one() -> None:
    found = cpython.decide(CPYTHON, URL, SHA, "", DEBIAN)
    apt = {"apt_suite": "sid", "apt_source": "python3.14", "apt_file": "python3.14_3.14.10.orig.tar.xz"}
    assert values(found) == {"version": "3.14.10", "url": URL, "sha256": SHA} | apt
    assert found.unchecked == ()
    assert found.tables[0].comment == ""


def test_debian_does_not_stand_in_with_another_file() -> None:
    found = cpython.decide(CPYTHON, URL, OTHER, "", DEBIAN)
    assert values(found) == {"version": "3.14.10", "url": URL, "sha256": OTHER}
    assert "is another file" in found.unchecked[0]


def test_a_version_that_only_python_org_has_says_so() -> None:
    found = cpython.decide(CPYTHON, URL, SHA, "", None)
    assert "only python.org states its sha256" in found.unchecked[0]


def test_what_only_debians_index_knows_says_so_in_the_file() -> None:
    found = cpython.decide(CPYTHON, URL, "", "www.python.org cannot be reached (x)", DEBIAN)
    assert values(found)["sha256"] == SHA
    assert found.tables[0].comment == "This sha256 is that of Debian's signed index."
    assert found.unchecked == ("the official tarball was not downloaded: www.python.org cannot be reached (x)",)


def test_an_archive_that_lists_a_file_and_does_not_give_it_is_named() -> None:
    gone = Packaged(suite="sid", source="python3.14", file=DEBIAN.file, sha256=SHA, fault="it answers 404")
    found = cpython.decide(CPYTHON, URL, SHA, "", gone)
    assert found.unchecked == ("apt cannot provide it at present: it answers 404",)


@pytest.mark.parametrize(
    ("version", "packaged", "url"),
    [
        ("3.14.10", "", "3.14.10/Python-3.14.10.tar.xz"),
        ("3.11.2", "python3.11_3.11.2.orig.tar.gz", "3.11.2/Python-3.11.2.tgz"),
        ("3.15.0rc1", "", "3.15.0/Python-3.15.0rc1.tar.xz"),
    ],
)
def test_the_official_address_is_in_the_folder_of_the_release(version: str, packaged: str, url: str) -> None:
    assert cpython.official_url("https://x", version, packaged) == f"https://x/{url}"


def test_the_tarball_is_that_of_exactly_the_version() -> None:
    files = {
        "python3.15_3.15.0~rc1.orig.tar.xz": "1",
        "python3.15_3.15.0.orig.tar.xz": "2",
        "python3.15_3.15.0.orig.tar.xz.asc": "3",
        "python3.15_3.15.0-1.debian.tar.xz": "4",
    }
    package = [SourcePackage(version="3.15.0-1", files=files)]
    assert cpython.tarballs(package, "python3.15", "3.15.0") == [("python3.15_3.15.0.orig.tar.xz", "2")]
    assert cpython.tarballs(package, "python3.15", "3.15.0rc1") == [("python3.15_3.15.0~rc1.orig.tar.xz", "1")]


def test_debians_version_has_the_upstream_one_in_it() -> None:
    found = [cpython.upstream_version(version) for version in ("3.13.15-1", "3.15.0~rc1-2", "3.11.2-6+deb12u8", "3.9")]
    assert found == ["3.13.15", "3.15.0rc1", "3.11.2", ""]


def test_the_parts_of_an_sdk_are_what_its_version_file_says() -> None:
    pin = wasi_sdk.stated_pin("33", VERSION)
    assert (pin.version, pin.llvm, pin.wasi_libc) == ("33", "22.1", "161b319")
    assert pin.evidence == "the release's VERSION says 33.0+m, llvm 22.1.0, wasi-libc 161b3195fc25"


@pytest.mark.parametrize("stated", ["", "33.0\nwasi-libc: 161b3195fc25\n", "garbage", VERSION.replace("33.0", "34.0")])
def test_an_sdk_that_does_not_say_what_it_is_made_of_is_not_pinned(stated: str) -> None:
    with pytest.raises(UnavailableError, match="WASI SDK 33 cannot be pinned: its"):
        wasi_sdk.stated_pin("33", stated)


def origins(tmp_path: Path) -> Origins:
    pins = Pins(
        emsdk=EmsdkPin(url="https://emsdk.example.org", commit="ab" * 20),
        emscripten=(EmscriptenPin(version="6.0.5", node="24.19.0"),),
    )
    nobody = Debian(cache=tmp_path, suites=())
    return Origins(pins=pins, cache=tmp_path, debian=nobody)


def test_an_emscripten_that_the_pinned_emsdk_knows_needs_no_other_commit(tmp_path: Path) -> None:
    found = emscripten.decide(Wanted(Product.EMSCRIPTEN, "6.0.8"), origins(tmp_path), "ab" * 20, "", "forky")
    assert dict(found.tables[0].values) == {"version": "6.0.8", "node": "24.19.0", "apt_suite": "forky"}
    assert (found.emsdk_commit, found.unchecked) == ("", ())


def test_a_newer_emscripten_moves_emsdk(tmp_path: Path) -> None:
    found = emscripten.decide(Wanted(Product.EMSCRIPTEN, "6.0.10"), origins(tmp_path), "cd" * 20, "", "")
    assert found.emsdk_commit == "cd" * 20
    assert found.unchecked == ("no Debian suite has this release: apt cannot provide it",)


def test_an_emsdk_that_cannot_be_asked_is_named(tmp_path: Path) -> None:
    found = emscripten.decide(Wanted(Product.EMSCRIPTEN, "6.0.9"), origins(tmp_path), "", "no route", "sid")
    assert found.unchecked == ("whether emsdk knows the release: no route",)
