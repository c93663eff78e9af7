"""Makes a bundle of a finished build. The same build gives the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import logging
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from harness.build.artifact import Build
from harness.build.identity import Identity
from harness.bundles.index import NAME, TEXTS, BundleIndex, File, portable_manifest
from harness.errors import ConfigError
from harness.matrix.cells import Cell
from harness.util.archive import outside
from harness.util.files import disk_errors_as_unavailable
from harness.util.hashing import file_sha256

logger = logging.getLogger(__name__)

# Twice as long as level 1 and a tenth smaller; xz would be a fifth smaller still and takes four times as long.
COMPRESSION = 6
# configure's notes on the machine, with its name and environment, and the marks of finished steps. No test reads them.
_LEFT_OUT = re.compile(r"config\.log|config\.status|\..*\.done")


class BuiltCell(Protocol):
    """What a bundle is made from: the build of `cell`, and what the build reported of itself.

    `cache` is the folder whose path must not appear in the bundle.
    """

    @property
    def cell(self) -> Cell: ...
    @property
    def build(self) -> Build: ...
    @property
    def cache(self) -> Path: ...
    @property
    def identity(self) -> Identity | None: ...


def pack(prepared: BuiltCell, output: Path) -> BundleIndex:
    """Writes the bundle of this cell's build. A file that is there is replaced when the new one is whole.

    ConfigError for a build with a link that leads outside.
    """
    build = prepared.build
    manifest = portable_manifest(build.manifest, str(prepared.cache))
    modules = list(build.modules())
    values = dict(zip(TEXTS, (manifest, modules), strict=True))
    texts = {name: json.dumps(value, indent=1, sort_keys=True).encode() for name, value in values.items()}
    links, folders, files = _tree(build)
    head = BundleIndex(
        cell=prepared.cell.build_id,
        build=build.folder.name,
        # What the cell calls its CPython; of one that was not named by its version, the version that it has.
        python=prepared.cell.python.version or prepared.build.manifest.python,
        compiler=dict(prepared.identity.compiler) if prepared.identity else {},
        folders=tuple(folders),
        links=links,
        files={name: File(sha256=hashlib.sha256(text).hexdigest(), size=len(text)) for name, text in texts.items()}
        | {name: _file(path) for name, path in files.items()},
    )
    aside = output.with_name(f".{output.name}.{os.getpid()}")
    with disk_errors_as_unavailable(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("wb") as stream:
                _write(stream, head, texts, files)
            aside.replace(output)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
    return head


def kept_bundle(prepared: BuiltCell) -> Path:
    """The bundle of this cell's build in the cache, made once."""
    output = prepared.cache / "bundles" / f"{prepared.build.folder.name}.tar.gz"
    if not output.exists():
        logger.info("%s: making the bundle for the other machines", prepared.cell.id)
        pack(prepared, output)
    return output


def _file(path: Path) -> File:
    found = path.stat()
    return File(
        sha256=file_sha256(path),
        size=found.st_size,
        mtime=int(found.st_mtime),
        executable=bool(found.st_mode & 0o100),
    )


def _tree(build: Build) -> tuple[dict[str, str], list[str], dict[str, Path]]:
    """The links, folders and files of the build, by their names in the bundle, sorted."""
    built = build.root / build.manifest.layout.build_folder.split("/", 1)[0]
    links, folders, files = {}, [], {}
    for path in _walk(build.root):
        name = path.relative_to(build.folder).as_posix()
        if path.is_symlink():
            # None could open a link that leads to what the bundle does not have.
            goal = path.readlink()
            if goal.is_absolute() or outside(name, build.folder):
                raise ConfigError(
                    f"{build.folder} cannot be made a bundle: {name} is a link to {goal}, outside the build",
                    hint="take it out of the source, or put there what it leads to, and build again",
                )
            links[name] = str(goal)
        elif path.is_dir():
            folders.append(name)
        elif not (_LEFT_OUT.fullmatch(path.name) and path.is_relative_to(built)):
            files[name] = path
    return links, folders, files


def _walk(folder: Path) -> Iterator[Path]:
    yield folder
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def _write(stream: Any, head: BundleIndex, texts: Mapping[str, bytes], files: Mapping[str, Path]) -> None:
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=COMPRESSION, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, text in {NAME: head.to_text().encode(), **texts}.items():
            tar.addfile(_member(name, size=len(text)), io.BytesIO(text))
        for name in head.folders:
            tar.addfile(_member(name, type=tarfile.DIRTYPE, mode=0o755))
        for name, path in files.items():
            file = head.files[name]
            info = _member(name, size=file.size, mtime=file.mtime, mode=0o755 if file.executable else 0o644)
            with path.open("rb") as content:
                tar.addfile(info, content)
        for name, goal in head.links.items():
            tar.addfile(_member(name, type=tarfile.SYMTYPE, linkname=goal))


def _member(name: str, **fields: Any) -> tarfile.TarInfo:
    """A member of the archive that belongs to nobody, made at no time."""
    info = tarfile.TarInfo(name)
    info.mode = 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    return info
