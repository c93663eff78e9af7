"""Archives unpacked into a folder, and nowhere else."""

from __future__ import annotations

import contextlib
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from harness.errors import UnavailableError
from harness.util.files import disk_error

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError)


def unpack(archive: Path, into: Path) -> Path:
    """Unpacks a tar (gz, xz, bz2) or zip into `into` and returns that folder.

    A single folder at the top of the archive is left out, so that `into` holds what it held.
    UnavailableError when the archive is damaged, or has a member that would land outside; it is named.
    """
    into.mkdir(parents=True, exist_ok=True)
    # Next to the goal, so that the moves below are renames.
    aside = Path(tempfile.mkdtemp(dir=into, prefix=".unpack."))
    try:
        with _failures_explained(archive, into):
            if zipfile.is_zipfile(archive):
                _unpack_zip(archive, aside)
            else:
                _unpack_tar(archive, aside)
            entries = list(aside.iterdir())
            if len(entries) == 1 and entries[0].is_dir() and not entries[0].is_symlink():
                entries = list(entries[0].iterdir())
            for entry in entries:
                entry.rename(into / entry.name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return into


def read_member(archive: Path, name: str) -> str:
    """The text of the first file of that name in a tar, at its top or in the folders there; empty when there is none.

    UnavailableError when the archive is damaged.
    """
    with _failures_explained(archive, archive.parent), tarfile.open(archive) as tar:
        for member in tar:
            if member.isreg() and Path(member.name).name == name and (stream := tar.extractfile(member)):
                return stream.read(1 << 16).decode("utf-8", "replace")
    return ""


@contextlib.contextmanager
def _failures_explained(archive: Path, into: Path) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        # tarfile's message goes on to list what every decompressor said.
        said = str(error).partition("\n")[0].rstrip(":") or "it ends too early"
        raise UnavailableError(
            f"{archive} cannot be unpacked: {said}",
            hint="it is damaged or not an archive: delete it and try again",
        ) from error
    except OSError as error:
        # gzip and bz2 tell of damaged data with an OSError that has no number.
        if error.errno is None:
            raise UnavailableError(
                f"{archive} cannot be unpacked: {error}", hint="it is damaged: delete it and try again"
            ) from error
        raise disk_error(error, into) from error


def _unpack_tar(archive: Path, into: Path) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            if reason := member_refusal(member, into):
                raise _refused(archive, member.name, reason)
            _extract(tar, member, into)
        # The last member may end before the compressed stream does: only its end shows that it is whole.
        while tar.fileobj and tar.fileobj.read(1 << 20):
            pass


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    # The owner is never the archive's: root would give its files to the user of that number here.
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = (member.mode | stat.S_IWUSR) & 0o755
    # tarfile's filters came with 3.11.4 and changed since; `member_refusal` judges the same on every Python.
    if hasattr(tarfile, "fully_trusted_filter"):
        tar.extract(member, into, filter="fully_trusted")
    else:
        tar.extract(member, into)


def member_refusal(member: tarfile.TarInfo, into: Path) -> str:
    """Why a member must not be unpacked into the folder; empty when it may. Links in it are followed."""
    if outside(member.name, into):
        return "lies outside its folder"
    if member.issym() and outside(str(Path(member.name).parent / member.linkname), into):
        return f"is a link to {member.linkname}, outside its folder"
    if member.islnk() and outside(member.linkname, into):
        return f"is a hard link to {member.linkname}, outside its folder"
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        return "is neither a file nor a folder nor a link"
    return ""


def outside(name: str, folder: Path) -> bool:
    """True for a path that, taken from the folder, does not stay in it."""
    # Not Path.resolve, which raises for a loop of links before Python 3.13.
    return not Path(os.path.realpath(folder / name)).is_relative_to(os.path.realpath(folder))


def _unpack_zip(archive: Path, into: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            mode = member.external_attr >> 16
            if outside(member.filename, into):
                raise _refused(archive, member.filename, "lies outside its folder")
            if stat.S_ISLNK(mode):
                raise _refused(archive, member.filename, "is a link, which a zip here must not hold")
            path = Path(packed.extract(member, into))
            if mode & 0o111:
                path.chmod(0o755)


def _refused(archive: Path, name: str, reason: str) -> UnavailableError:
    return UnavailableError(
        f"{archive}: the member {name!r} {reason}",
        hint="nothing was unpacked; the archive is not what it says it is: check where it comes from",
    )
