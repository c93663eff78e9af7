"""Opens a bundle into the cache. Nothing is taken from it that its head does not name, and no byte unchecked."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.archive import outside, refusal
from harness.build import Build
from harness.bundles.head import LARGEST_HEAD, NAME, File, Head, damaged, foreign, read_head
from harness.cache import make_entry
from harness.errors import ConfigError, UnavailableError
from harness.stage import make_read_only

_CHUNK = 1 << 20


def open_bundle(
    bundle: Path, cache: Path, check: Callable[[Head], None], *, say: Callable[[str], None] = print
) -> tuple[Head, Build]:
    """What the bundle says of itself, and the build that it holds, in the cache. Once opened it is not read again but
    for its head, which `check` may refuse. An opened one is a bundle too.

    ConfigError when it is not there; UnavailableError when it is damaged, altered, cut short, of a newer format or no
    bundle, or the disk is full.
    """
    if bundle.is_dir() and (bundle / NAME).is_file():
        check(head := read_head((bundle / NAME).read_bytes(), str(bundle)))
        return head, Build.load(bundle)
    with _opened(bundle) as (packed, tar):
        check(head := _head(tar, bundle))
        final = opened_folder(head, cache)
        if not final.exists():
            say(f"opening {bundle}: {sum(file.size for file in head.files.values()) >> 20} MiB")
            make_entry(final, lambda folder: _unpack(packed, tar, head, folder, bundle), say=say)
    return head, Build.load(final)


def read_bundle_head(bundle: Path) -> Head:
    """What the bundle says of itself; the same errors as those of `open_bundle`."""
    with _opened(bundle) as (_, tar):
        return _head(tar, bundle)


def opened_folder(head: Head, cache: Path) -> Path:
    """Where the build of that bundle is, once it is opened."""
    return cache / "bundles" / f"{head.build}-{head.key}"


@contextlib.contextmanager
def _opened(bundle: Path) -> Iterator[tuple[gzip.GzipFile, tarfile.TarFile]]:
    if not bundle.is_file():
        raise ConfigError(f"{bundle} is not a file", hint="`python -m harness bundle CELL` makes a bundle")
    try:
        with gzip.open(bundle) as packed, _tar(packed, bundle) as tar:
            yield packed, tar
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(str(bundle), str(error).partition("\n")[0] or "its data is broken") from error
    except OSError as error:
        raise UnavailableError(f"{bundle} cannot be opened: {error.strerror or error}") from error


def _tar(packed: gzip.GzipFile, bundle: Path) -> tarfile.TarFile:
    try:
        packed.peek(1)
        return tarfile.open(fileobj=packed, mode="r|")
    except (tarfile.ReadError, gzip.BadGzipFile) as error:
        raise foreign(str(bundle)) from error


def _head(tar: tarfile.TarFile, bundle: Path) -> Head:
    first = tar.next()
    if first is None or first.name != NAME or not first.isreg() or first.size > LARGEST_HEAD:
        raise foreign(str(bundle))
    return read_head(_content(tar, first), str(bundle))


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    return stream.read() if stream else b""


def _unpack(packed: gzip.GzipFile, tar: tarfile.TarFile, head: Head, into: Path, bundle: Path) -> None:
    """All that is left in the archive."""
    lacking = {*head.folders, *head.links, *head.files}
    needed, free = sum(file.size for file in head.files.values()), shutil.disk_usage(into).free
    if needed > free:
        raise UnavailableError(
            f"{bundle} holds {needed >> 20} MiB, and the disk of {into.parent} has {free >> 20} MiB free",
            hint="free some space, or move the cache with WASM_HARNESS_CACHE=FOLDER",
        )
    while member := tar.next():
        if member.name not in lacking:
            raise damaged(str(bundle), f"it has a member {member.name!r} that its {NAME} does not name, or names once")
        if reason := refusal(member, into) or _extract(tar, member, head, into):
            raise damaged(str(bundle), f"the member {member.name!r} {reason}")
        lacking.remove(member.name)
    # Only at the end of the compressed stream stands the checksum over all of it, the head included.
    while packed.read(_CHUNK):
        pass
    if lacking:
        raise damaged(str(bundle), f"it lacks {len(lacking)} of its files, among them {min(lacking)!r}")
    # A link was judged when it was made; one made later may have sent it elsewhere.
    if out := [name for name in head.links if outside(name, into)]:
        raise damaged(str(bundle), f"the link {min(out)!r} leads outside")
    (into / NAME).write_text(head.to_text(), encoding="utf-8")
    make_read_only(into / "root")


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, head: Head, into: Path) -> str:
    """Why a member is not what the head says; empty when it was and is unpacked."""
    path = into / member.name
    file = head.files.get(member.name)
    try:
        if member.isdir() and member.name in head.folders:
            path.mkdir(parents=True, exist_ok=True)
        elif member.issym() and head.links.get(member.name) == member.linkname:
            path.symlink_to(member.linkname)
        elif member.isreg() and file and file.size == member.size:
            return _copy(tar, member, path, file)
        else:
            return f"is another than {NAME} says"
    except (FileExistsError, FileNotFoundError, NotADirectoryError):
        return "cannot stand where it says"
    return ""


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, file: File) -> str:
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
