"""Opens a bundle into the cache. Nothing is taken from it that its head does not name, and no byte unchecked."""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import io
import logging
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.build.artifact import Build
from harness.build.stage import make_read_only
from harness.bundles.index import LARGEST_HEAD, NAME, BundleIndex, damaged, foreign, read_head
from harness.errors import ConfigError, UnavailableError
from harness.util.archive import member_refusal, outside
from harness.util.cache import make_entry

logger = logging.getLogger(__name__)

_CHUNK = 1 << 20
# A path and the goal of a link, both at their longest, take 9 KiB.
_LARGEST_MEMBER_HEADER = 64 << 10
_NO_PLACE = {errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
_MODULE = re.compile(r"\w+(\.\w+)*")


def open_bundle(bundle: Path, cache: Path, check: Callable[[BundleIndex], None]) -> tuple[BundleIndex, Build]:
    """What the bundle says of itself, and the build that it holds, in the cache. Once opened it is not read again but
    for its head, which `check` may refuse. An opened one is a bundle too.

    ConfigError when it is not there; UnavailableError when it is damaged, altered, cut short, of a newer format or no
    bundle, or the disk is full.
    """
    if bundle.is_dir() and (bundle / NAME).is_file():
        check(head := read_head((bundle / NAME).read_bytes(), str(bundle)))
        return head, _load(bundle, bundle)
    with _opened(bundle) as (packed, tar):
        check(head := _head(packed, tar, bundle))
        final = opened_folder(head, cache)
        if not final.exists():
            logger.info("opening %s: %s MiB", bundle, sum(file.size for file in head.files.values()) >> 20)
            make_entry(final, lambda folder: _unpack(packed, tar, head, folder, bundle))
        return head, _load(final, bundle)


def read_bundle_head(bundle: Path) -> BundleIndex:
    """What the bundle says of itself; the same errors as those of `open_bundle`."""
    with _opened(bundle) as (packed, tar):
        return _head(packed, tar, bundle)


def opened_folder(head: BundleIndex, cache: Path) -> Path:
    """Where the build of that bundle is, once it is opened."""
    return cache / "bundles" / f"{head.build}-{head.key}"


class _Packed(gzip.GzipFile):
    """The unpacked bytes of a bundle; tarfile may read only as many of them as are `allowed`: a member's header says
    itself how long it is, there may be any number of them for one member, and tarfile keeps them all in memory.
    """

    allowed = _LARGEST_MEMBER_HEADER

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= self.allowed:
            raise tarfile.ReadError("the header of a member is too long")
        self.allowed -= size
        return super().read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """GzipFile would unpack everything again to go back."""
        if whence == io.SEEK_SET and offset < self.tell():
            raise tarfile.ReadError("a member begins before the end of the one before it")
        return super().seek(offset, whence)


@contextlib.contextmanager
def _opened(bundle: Path) -> Iterator[tuple[_Packed, tarfile.TarFile]]:
    if not bundle.is_file():
        raise ConfigError(f"{bundle} is not a file", hint="`python -m harness bundle CELL` makes a bundle")
    try:
        with _Packed(bundle, "rb") as packed, _tar(packed, bundle) as tar:
            yield packed, tar
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(str(bundle), str(error).partition("\n")[0] or "its data is broken") from error
    except OSError as error:
        raise UnavailableError(f"{bundle} cannot be opened: {error.strerror or error}") from error


def _tar(packed: _Packed, bundle: Path) -> tarfile.TarFile:
    try:
        packed.peek(1)
        with _malformed_headers_refused():
            return tarfile.open(fileobj=packed, mode="r:")
    except (tarfile.ReadError, gzip.BadGzipFile) as error:
        raise foreign(str(bundle)) from error


def _next(packed: _Packed, tar: tarfile.TarFile) -> tarfile.TarInfo | None:
    """The next member; as much of it may be read as it is long."""
    packed.allowed = _LARGEST_MEMBER_HEADER
    with _malformed_headers_refused():
        member = tar.next()
    packed.allowed = member.size if member else 0
    return member


@contextlib.contextmanager
def _malformed_headers_refused() -> Iterator[None]:
    """What tarfile raises besides its own errors for fields that it did not expect."""
    try:
        yield
    except (ValueError, LookupError, ArithmeticError) as error:
        raise tarfile.ReadError(f"the header of a member is malformed: {error}") from error


def _head(packed: _Packed, tar: tarfile.TarFile, bundle: Path) -> BundleIndex:
    first = _next(packed, tar)
    # tarfile of Python 3.14 passes over a malformed member at the beginning: then the offset is not 0.
    if first is None or first.offset or first.name != NAME or not first.isreg() or first.size > LARGEST_HEAD:
        raise foreign(str(bundle))
    stream = tar.extractfile(first)
    return read_head(stream.read() if stream else b"", str(bundle))


def _load(folder: Path, bundle: Path) -> Build:
    """The build in an opened bundle."""
    try:
        build = Build.load(folder)
        modules = build.modules()
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise damaged(str(bundle), f"its manifest or its list of modules cannot be read: {error}") from error
    parts = ("inputs", "toolchain", "layout", "source")
    if not all(isinstance(build.manifest.record.get(part), dict) for part in parts):
        raise damaged(str(bundle), f"its manifest is not one: it has no {', '.join(parts)}")
    # A run makes files that are named so.
    if wrong := [name for name in modules if not (isinstance(name, str) and _MODULE.fullmatch(name))]:
        raise damaged(str(bundle), f"its list of modules names {wrong[0]!r}, which is none")
    return build


def _unpack(packed: _Packed, tar: tarfile.TarFile, head: BundleIndex, into: Path, bundle: Path) -> None:
    """All that is left in the archive."""
    lacking = {*head.folders, *head.links, *head.files}
    needed, free = sum(file.size for file in head.files.values()), shutil.disk_usage(into).free
    if needed > free:
        raise UnavailableError(
            f"{bundle} holds {needed >> 20} MiB, and the disk of {into.parent} has {free >> 20} MiB free",
            hint="free some space, or move the cache with WASM_HARNESS_CACHE=FOLDER",
        )
    while member := _next(packed, tar):
        if member.name not in lacking:
            raise damaged(str(bundle), f"it has a member {member.name!r} that its {NAME} does not name, or names once")
        if reason := member_refusal(member, into) or _extract(tar, member, head, into):
            raise damaged(str(bundle), f"the member {member.name!r} {reason}")
        lacking.remove(member.name)
    # Only at the end of the compressed stream stands the checksum over all of it, the head included.
    while packed.read1(_CHUNK):
        pass
    if lacking:
        raise damaged(str(bundle), f"it lacks {len(lacking)} of its files, among them {min(lacking)!r}")
    # A link was judged when it was made; one made later may have sent it elsewhere.
    if out := [name for name in head.links if outside(name, into)]:
        raise damaged(str(bundle), f"the link {min(out)!r} leads outside")
    _load(into, bundle)
    (into / NAME).write_text(head.to_text(), encoding="utf-8")
    make_read_only(into / "root")


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, head: BundleIndex, into: Path) -> str:
    """Why a member is not what the head says; empty when it was and is unpacked."""
    path = into / member.name
    file = head.files.get(member.name)
    try:
        if member.isdir() and member.name in head.folders:
            path.mkdir(parents=True, exist_ok=True)
        elif member.issym() and head.links.get(member.name) == member.linkname:
            path.symlink_to(member.linkname)
        elif member.isreg() and file and file.size == member.size:
            digest = hashlib.sha256()
            content = tar.extractfile(member)
            with path.open("xb") as stream:
                while content and (chunk := content.read(_CHUNK)):
                    digest.update(chunk)
                    stream.write(chunk)
            path.chmod(0o755 if file.executable else 0o644)
            os.utime(path, (file.mtime, file.mtime))
            found = digest.hexdigest()
            return "" if found == file.sha256 else f"has the sha256 {found}, and {NAME} says {file.sha256}"
        else:
            return f"is another than {NAME} says"
    except OSError as error:
        if error.errno not in _NO_PLACE:
            raise
        return "cannot stand where it says"
    return ""
