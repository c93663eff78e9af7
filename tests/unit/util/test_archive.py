"""Archives: what is unpacked, and what is refused."""

from __future__ import annotations

import errno
import io
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UnavailableError
from harness.util import archive
from harness.util.archive import unpack


def member(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, f"w:{path.suffix[1:]}") as tar:  # type: ignore[call-overload]
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("suffix", ["gz", "xz", "bz2"])
def test_a_tar_loses_its_single_top_folder(tmp_path: Path, suffix: str) -> None:
    packed = tar_of(
        tmp_path / f"a.tar.{suffix}",
        member("Python-3.13.5/configure", b"#!", mode=0o755, mtime=1_700_000_000),
        member("Python-3.13.5/Lib/os.py", b"import sys", mode=0o644),
    )
    into = unpack(packed, tmp_path / "into")
    assert sorted(path.name for path in into.iterdir()) == ["Lib", "configure"]
    assert (into / "Lib" / "os.py").read_bytes() == b"import sys"
    assert stat.S_IMODE((into / "configure").stat().st_mode) == 0o755
    assert (into / "configure").stat().st_mtime == 1_700_000_000


def test_two_entries_at_the_top_both_stay(tmp_path: Path) -> None:
    into = unpack(tar_of(tmp_path / "a.tar.gz", member("a/x"), member("b")), tmp_path / "into")
    assert sorted(path.name for path in into.iterdir()) == ["a", "b"]


def test_a_single_file_at_the_top_stays(tmp_path: Path) -> None:
    assert (unpack(tar_of(tmp_path / "a.tar.gz", member("b", b"x")), tmp_path / "into") / "b").is_file()


def test_links_inside_are_kept(tmp_path: Path) -> None:
    packed = tar_of(
        tmp_path / "a.tar.gz",
        member("sdk/bin/clang-19", b"program"),
        member("sdk/bin/clang", type=tarfile.SYMTYPE, linkname="clang-19"),
        member("sdk/lib/up", type=tarfile.SYMTYPE, linkname="../bin"),
        member("sdk/bin/clang++", type=tarfile.LNKTYPE, linkname="sdk/bin/clang-19"),
    )
    into = unpack(packed, tmp_path / "into")
    assert (into / "bin" / "clang").read_bytes() == b"program"
    assert (into / "lib" / "up" / "clang++").read_bytes() == b"program"


def test_modes_lose_the_special_bits_and_keep_the_owner_able_to_write(tmp_path: Path) -> None:
    packed = tar_of(tmp_path / "a.tar.gz", member("a", mode=0o4777), member("b", mode=0o444))
    into = unpack(packed, tmp_path / "into")
    assert stat.S_IMODE((into / "a").stat().st_mode) == 0o755
    assert stat.S_IMODE((into / "b").stat().st_mode) == 0o644


OUTSIDE = {
    "../evil": member("../evil"),
    "sdk/../../evil": member("sdk/../../evil"),
    "/nonexistent/evil": member("/nonexistent/evil"),
    "sdk/link": member("sdk/link", type=tarfile.SYMTYPE, linkname="../../evil"),
    "sdk/absolute": member("sdk/absolute", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "sdk/hard": member("sdk/hard", type=tarfile.LNKTYPE, linkname="../evil"),
    "sdk/null": member("sdk/null", type=tarfile.CHRTYPE),
    "sdk/pipe": member("sdk/pipe", type=tarfile.FIFOTYPE),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_member_that_would_leave_its_folder_is_refused_by_name(tmp_path: Path, name: str) -> None:
    packed = tar_of(tmp_path / "a.tar.gz", member("sdk/fine"), OUTSIDE[name])
    with pytest.raises(UnavailableError) as caught:
        unpack(packed, tmp_path / "into")
    assert repr(name) in caught.value.message
    assert list((tmp_path / "into").iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_a_member_behind_links_that_add_up_to_the_outside_is_refused(tmp_path: Path) -> None:
    packed = tar_of(
        tmp_path / "a.tar.gz",
        member("jump", type=tarfile.SYMTYPE, linkname="a/b/.."),
        member("a/b", type=tarfile.SYMTYPE, linkname=".."),
        member("jump/evil", b"x"),
    )
    with pytest.raises(UnavailableError, match="'jump/evil' lies outside"):
        unpack(packed, tmp_path / "into")
    assert not list(tmp_path.rglob("evil"))


def test_a_zip_is_unpacked_with_its_programs(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        program = zipfile.ZipInfo("sdk/bin/clang")
        program.external_attr = 0o100755 << 16
        packed.writestr(program, "program")
        packed.writestr("sdk/VERSION", "25.0")
    into = unpack(tmp_path / "a.zip", tmp_path / "into")
    assert (into / "VERSION").read_text() == "25.0"
    assert (into / "bin" / "clang").stat().st_mode & 0o111


def test_a_zip_member_outside_is_refused_by_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("../evil", "x")
    with pytest.raises(UnavailableError, match=r"'\.\./evil' lies outside"):
        unpack(tmp_path / "a.zip", tmp_path / "into")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(UnavailableError, match="'link' is a link"):
        unpack(tmp_path / "a.zip", tmp_path / "into")


@pytest.mark.parametrize("suffix", ["gz", "xz", "bz2"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_truncated_archive_is_reported_and_leaves_nothing(tmp_path: Path, suffix: str, part: float) -> None:
    noise = bytes((index * index * 31) % 251 for index in range(50_000))
    packed = tar_of(tmp_path / f"a.tar.{suffix}", member("a/b", noise), member("a/c", noise[::-1]))
    whole = packed.read_bytes()
    packed.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(UnavailableError, match="cannot be unpacked"):
        unpack(packed, tmp_path / "into")
    assert list((tmp_path / "into").iterdir()) == []


@pytest.mark.parametrize("suffix", ["gz", "xz", "bz2"])
def test_an_archive_with_a_damaged_middle_is_reported(tmp_path: Path, suffix: str) -> None:
    noise = bytes((index * index * 31) % 251 for index in range(50_000))
    packed = tar_of(tmp_path / f"a.tar.{suffix}", member("a/b", noise))
    whole = bytearray(packed.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 20] = bytes(20)
    packed.write_bytes(whole)
    with pytest.raises(UnavailableError, match="cannot be unpacked") as caught:
        unpack(packed, tmp_path / "into")
    assert "\n" not in caught.value.message
    assert "delete it and try again" in caught.value.hint


def test_what_is_not_an_archive_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_text("<html>not found</html>")
    with pytest.raises(UnavailableError, match=r"a\.tar\.gz cannot be unpacked"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "into")


def test_a_full_disk_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive, "_extract", full)
    with pytest.raises(UnavailableError, match="No space left on device"):
        unpack(tar_of(tmp_path / "a.tar.gz", member("a/b")), tmp_path / "into")


def test_without_the_filters_of_later_pythons_the_same_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in Python 3.11.0, whose `extract` knows no filter."""
    newer: Any = tarfile.TarFile.extract
    options = {"filter": lambda info, _: info} if hasattr(tarfile, "fully_trusted_filter") else {}

    def extract(self: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
        newer(self, member, path, **options)

    monkeypatch.delattr(tarfile, "fully_trusted_filter", raising=False)
    monkeypatch.setattr(tarfile.TarFile, "extract", extract)
    packed = tar_of(tmp_path / "a.tar.gz", member("s/a", b"x", mode=0o755), member("s/b"))
    assert (unpack(packed, tmp_path / "into") / "a").read_bytes() == b"x"
    with pytest.raises(UnavailableError, match="lies outside"):
        unpack(tar_of(tmp_path / "b.tar.gz", member("../evil")), tmp_path / "into2")
