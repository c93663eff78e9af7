"""Source packages from a Debian archive of our own: what is fetched of them, and what a bad archive leads to."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from harness.build.library_sources import obtain_library_source
from harness.errors import UnavailableError
from harness.matrix.cells import Library
from harness.matrix.pins import LibraryPin
from harness.sources import Source
from tests.integration.apt_archive import POOL, AptArchive, apt_archive

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not (shutil.which("apt-get") and shutil.which("dpkg-deb")), reason="this machine has no apt"),
]

ORIG = "zlib_1.3.dfsg+really1.3.1.orig.tar.gz"
DSC = "zlib_1.3.dfsg+really1.3.1-1+deb13u1.dsc"
CHANGES = "zlib_1.3.dfsg+really1.3.1-1+deb13u1.debian.tar.xz"
SECOND = "zlib_1.3.dfsg+really1.3.1.orig-www.tar.gz"
VERSION = "1:1.3.dfsg+really1.3.1-1+deb13u1"


def tarball(text: str = "a header") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("zlib-1.3.1/zlib.h")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


BODY = tarball()
FILES = {DSC: b"a dsc", ORIG: BODY, SECOND: b"a second tarball", CHANGES: b"Debian's changes"}
PIN = LibraryPin(
    name=Library.ZLIB,
    version="1.3.1",
    url="http://127.0.0.1:1/none",
    sha256="ab" * 32,
    apt_suite="trixie",
    apt_source="zlib",
    apt_file=ORIG,
    apt_sha256=hashlib.sha256(BODY).hexdigest(),
)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AptArchive]:
    with apt_archive(tmp_path / "debian", monkeypatch) as made:
        yield made


def obtain(tmp_path: Path, pin: LibraryPin = PIN) -> Source:
    return obtain_library_source(pin, tmp_path / "cache")


def refusal(tmp_path: Path, pin: LibraryPin = PIN) -> str:
    with pytest.raises(UnavailableError) as caught:
        obtain(tmp_path, pin)
    assert not [path for path in (tmp_path / "cache" / "sources").iterdir() if path.suffix != ".lock"]
    return caught.value.message


def fetched(archive: AptArchive) -> set[str]:
    """The files of the pool that were asked for."""
    requests = [unquote(request) for request in archive.origin.requests]
    return {request.rpartition("/")[2] for request in requests if "/pool/" in request}


def test_the_pinned_tarball_is_fetched_from_its_place_without_the_lists(archive: AptArchive, tmp_path: Path) -> None:
    archive.publish(VERSION, FILES)
    source = obtain(tmp_path)
    assert (source.version, source.provider, source.revision) == ("1.3.1", "apt", PIN.apt_sha256)
    assert (source.root / "zlib.h").read_text() == "a header"
    assert fetched(archive) == {ORIG}
    assert not [request for request in archive.origin.requests if "/dists/" in request]


@pytest.mark.parametrize("gone", [(), (DSC,), (DSC, CHANGES), (DSC, CHANGES, SECOND)])
def test_where_the_lists_have_another_place_only_tarballs_are_fetched_and_only_the_pinned_one_is_needed(
    archive: AptArchive, tmp_path: Path, gone: tuple[str, ...]
) -> None:
    archive.publish(VERSION, FILES, gone=gone, area="updates/main")
    source = obtain(tmp_path)
    assert (source.version, source.provider, source.revision) == ("1.3.1", "apt", PIN.apt_sha256)
    assert (source.root / "zlib.h").read_text() == "a header"
    assert fetched(archive) == {ORIG, SECOND}


def test_a_tarball_that_the_index_lists_and_the_archive_lacks_is_reported_with_its_name(
    archive: AptArchive, tmp_path: Path
) -> None:
    archive.publish(VERSION, FILES, gone=(ORIG,))
    message = refusal(tmp_path)
    assert f"apt: cannot download {ORIG} of the source package zlib of trixie" in message
    assert "404" in message


def test_an_archive_that_has_another_version_now_is_reported_with_both(archive: AptArchive, tmp_path: Path) -> None:
    archive.publish("1:1.3.2-1", {"zlib_1.3.2-1.dsc": b"a dsc", "zlib_1.3.2.orig.tar.gz": BODY})
    assert f"another version of zlib now: wanted {ORIG}, found zlib_1.3.2.orig.tar.gz" in refusal(tmp_path)


def test_a_tarball_that_is_not_the_indexs_own_is_reported_in_apts_words(archive: AptArchive, tmp_path: Path) -> None:
    archive.publish(VERSION, FILES)
    (archive.folder / POOL / ORIG).write_bytes(tarball("A HEADER"))
    message = refusal(tmp_path)
    assert f"cannot download {ORIG}" in message
    assert "Hash Sum mismatch" in message or "unexpected size" in message


def test_a_tarball_that_was_repacked_is_reported_with_both_hashes(archive: AptArchive, tmp_path: Path) -> None:
    archive.publish(VERSION, FILES)
    message = refusal(tmp_path, dataclasses.replace(PIN, apt_sha256="cd" * 32))
    assert f"wanted sha256 {'cd' * 32}" in message
    assert f"found  sha256 {PIN.apt_sha256}" in message


def test_a_package_that_the_index_does_not_list_is_reported(archive: AptArchive, tmp_path: Path) -> None:
    archive.publish(VERSION, FILES)
    assert "Unable to find a source package for zlib2" in refusal(
        tmp_path, dataclasses.replace(PIN, apt_source="zlib2")
    )


def test_a_suite_that_the_archive_does_not_have_is_reported(archive: AptArchive, tmp_path: Path) -> None:
    archive.publish(VERSION, FILES, area="updates/main")
    assert "the lists of forky" in refusal(tmp_path, dataclasses.replace(PIN, apt_suite="forky"))
