"""What a bundle says of itself: its first member, which names every other one with its sha256. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from harness.errors import ConfigError, UnavailableError
from harness.manifest import Manifest
from harness.matrix.cells import Cell

# A harness reads the formats up to its own. A new MANIFEST_SCHEMA is a new format too.
FORMAT = 1
BUNDLE_KIND = "cpython-wasm-harness bundle"
NAME = "bundle.json"
# What a bundle holds next to its root.
TEXTS = ("manifest.json", "modules.json")
# 7,500 files take 1.6 MB.
LARGEST_HEAD = 64 << 20
_DAMAGED = "it is damaged or was altered: copy it again, or make it again with `python -m harness bundle`"


@dataclass(frozen=True, kw_only=True)
class File:
    """`mtime` is a Unix time. It stays that of the build: bytecode holds its source's, and a zip none before 1980."""

    sha256: str
    size: int
    mtime: int = 0
    executable: bool = False

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> File:
        size, mtime = int(data["size"]), int(data["mtime"])
        if not (size >= 0 and 0 <= mtime < 1 << 36):
            raise ValueError("a number is out of range")
        return cls(sha256=str(data["sha256"]), size=size, mtime=mtime, executable=bool(data["executable"]))


@dataclass(frozen=True, kw_only=True)
class BundleIndex:
    """`cell` is the build's, which several cells may share, `build` the name of its entry in the cache, `python` what a
    cell calls its CPython, `compiler` the macros that its compiler was asked for. Paths are relative, with slashes.
    """

    cell: str
    build: str
    python: str
    compiler: Mapping[str, str]
    folders: tuple[str, ...]
    links: Mapping[str, str]
    files: Mapping[str, File]

    def to_text(self) -> str:
        """Always the same for the same bundle."""
        return json.dumps({"kind": BUNDLE_KIND, "format": FORMAT} | asdict(self), sort_keys=True, indent=0) + "\n"

    @property
    def key(self) -> str:
        """Stands for the contents: two bundles with the same key hold the same bytes."""
        return hashlib.sha256(self.to_text().encode()).hexdigest()[:16]


def read_head(text: bytes, bundle: str) -> BundleIndex:
    """The head in the bytes of a first member. UnavailableError when they are none that this harness can read.

    `bundle` is what messages call the file.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise damaged(bundle, f"its {NAME} is not JSON") from None
    if not isinstance(data, dict) or data.get("kind") != BUNDLE_KIND:
        raise foreign(bundle)
    if data.get("format") != FORMAT:
        raise UnavailableError(
            f"{bundle} has the format {data.get('format')} of bundles, and this harness reads format {FORMAT}",
            hint="use the harness that made it, or make it again with `python -m harness bundle`",
        )
    try:
        names = [data[key] for key in ("cell", "build", "python")]
        if not all(re.fullmatch(r"[\w.+-]+", name) and name.strip(".") for name in names):
            raise ValueError("a name is none")
        head = BundleIndex(
            cell=data["cell"],
            build=data["build"],
            python=data["python"],
            compiler={str(name): str(value) for name, value in data["compiler"].items()},
            folders=tuple(map(str, data["folders"])),
            links={str(name): str(goal) for name, goal in data["links"].items()},
            files={name: File.of(file) for name, file in data["files"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise damaged(bundle, f"its {NAME} is malformed: {error}") from None
    if wrong := _wrong_names(head):
        raise damaged(bundle, f"its {NAME} {wrong}")
    return head


def _wrong_names(head: BundleIndex) -> str:
    """The text of what is wrong with the names; empty when nothing is. All but TEXTS are below `root`: whatever the
    harness itself writes into an opened bundle stands next to it, where nothing of the bundle can be in its place.
    """
    names = (*head.folders, *head.links, *head.files)
    for name in names:
        path = PurePosixPath(name)
        if str(path) != name or name == "." or path.is_absolute() or ".." in path.parts or "\0" in name:
            return f"names {name!r}, which lies outside"
        if "\0" in head.links.get(name, ""):
            return f"names {name!r}, a link to nowhere"
        if path.parts[0] != "root" and not (name in TEXTS and name in head.files):
            return f"names {name!r}, which is no part of a bundle"
    if len(set(names)) < len(names):
        return "names something twice"
    lacking = {"root", *TEXTS} - {*head.folders, *head.files}
    return f"does not name {min(lacking)}" if lacking else ""


def check_is_for(head: BundleIndex, cell: Cell, bundle: str) -> None:
    """ConfigError when the bundle holds the build of another cell."""
    if head.cell != cell.build_id:
        raise ConfigError(
            f"{bundle} is a bundle of {head.cell}, and the cell to be tested is {cell.id}",
            hint=f"`python -m harness test {head.cell} --bundle {bundle}` tests it",
        )


def check_is_build_of(manifest: Manifest, cell: Cell, bundle: str) -> None:
    """ConfigError when the bundle was made of a cell that had this id and was another one."""
    asked = {"toolchain": cell.toolchain} | cell.build_flags
    found = {**manifest.inputs, "toolchain": manifest.toolchain.version}
    for what, value in asked.items():
        if found.get(what) != value:
            raise ConfigError(
                f"{bundle} was built for a {cell.id} with {what} = {found.get(what)!r}; in this matrix it is {value!r}",
                hint="make the bundle and test it with the same version of the harness",
            )


def damaged(bundle: str, why: str) -> UnavailableError:
    """The error for a bundle that cannot be opened because it is damaged; `why` is the reason."""
    return UnavailableError(f"{bundle} cannot be opened: {why}", hint=_DAMAGED)


def foreign(bundle: str) -> UnavailableError:
    """The error for a file that is not a bundle."""
    return UnavailableError(
        f"{bundle} is not a bundle of this harness", hint="`python -m harness bundle CELL` makes one"
    )


def without_paths(value: Any, cache: str) -> Any:
    """A JSON value with a variable for the folder `cache`: where it was on one machine means nothing on another."""
    if isinstance(value, Mapping):
        return {key: without_paths(each, cache) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(each, cache) for each in value]
    return value.replace(cache, "$WASM_HARNESS_CACHE") if isinstance(value, str) else value


def portable_manifest(manifest: Manifest, cache: str) -> dict[str, Any]:
    """The manifest without folders of the machine. Of a checkout, and of an interpreter that somebody else has built,
    it keeps the name of the folder.
    """
    record, origin = manifest.to_json(), manifest.source.origin
    if origin.startswith("/"):
        record["source"] = {**record["source"], "origin": PurePosixPath(origin).name}
    if manifest.prebuilt:
        record["prebuilt"] = {**record["prebuilt"], "origin": PurePosixPath(manifest.prebuilt).name}
    portable: dict[str, Any] = without_paths(record, cache)
    return portable
