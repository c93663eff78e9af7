"""The standard library as the examples get it: a folder that nothing of the build can be changed in, and a zip file."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import IO

from harness.build.artifact import Build

WEB_EXAMPLE = "web_example"
# The suite, and what no example needs.
_LEFT_OUT = shutil.ignore_patterns("test", "idlelib", "tkinter", "turtledemo", "ensurepip")


def series_of(build: Build) -> str:
    """`3.14`."""
    return ".".join(build.manifest.python.split(".")[:2])


def library_folder(build: Build, folder: Path) -> Path:
    """A copy of the library in `folder`, under the name that it has below a prefix: `python3.14`."""
    copy = folder / f"python{series_of(build)}"
    if not copy.exists():
        shutil.copytree(build.root / "Lib", copy, copy_function=shutil.copyfile, ignore=_LEFT_OUT)
    return copy


def shipped_zip(build: Build) -> Path | None:
    """The zip file that the tree's own web example has; None where the build has no web example."""
    path = build.root / build.manifest.layout.build_folder / WEB_EXAMPLE / f"python{series_of(build)}.zip"
    return path if path.is_file() else None


def is_deflated(path: Path) -> bool:
    """Whether any file in a zip file is compressed."""
    with zipfile.ZipFile(path) as archive:
        return any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist())


def store(packed: Path, target: Path) -> Path:
    """The same zip file without compression, at `target`."""
    with zipfile.ZipFile(packed) as archive, target.open("wb") as stream:
        store_into(archive, stream)
    return target


def store_into(packed: zipfile.ZipFile, stream: IO[bytes]) -> None:
    """Writes the same zip file without compression."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as stored:
        for entry in packed.infolist():
            stored.writestr(zipfile.ZipInfo(entry.filename, entry.date_time), packed.read(entry))


def deflated_zip(build: Build, target: Path) -> Path:
    """A compressed zip file of the library, at `target`: what stands in the place of the web example's own where the
    tree makes none.
    """
    library = build.root / "Lib"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(library.rglob("*.py")):
            name = path.relative_to(library)
            if name.parts[0] not in {"test", "idlelib", "tkinter", "turtledemo", "ensurepip"}:
                archive.write(path, name.as_posix())
    return target
