"""Folders of the host in the form in which a browser gets them: an index, and the bytes of all files in one stream.

Run by path with the engine's child, so it imports nothing of the harness.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20


@dataclass(frozen=True)
class _Entry:
    """One file, folder or symbolic link. `parent` is the number of its folder's entry, -1 for the tree itself. `link`
    is the target of a link, and None for anything else.
    """

    path: Path
    parent: int
    mode: int
    mtime_ms: int
    size: int
    link: str | None

    def to_json(self) -> list[Any]:
        about = self.size if self.link is None else self.link
        return [self.parent, self.path.name, self.mode, self.mtime_ms, about]


class Tree:
    """The contents of a folder when it was read. The first entry is the folder, and each follows that of its folder."""

    def __init__(self, folder: Path) -> None:
        self._entries = list(_entries(folder))
        self.size = sum(entry.size for entry in self._entries)

    def index(self) -> dict[str, Any]:
        """The entries as `[folder, name, mode, mtime in ms, size or link]`, and the bytes of all files together."""
        return {"size": self.size, "entries": [entry.to_json() for entry in self._entries]}

    def content(self) -> Iterator[bytes]:
        """The bytes of all files in the order of the entries: as many of each as the index says, even if one was
        truncated since.
        """
        for entry in self._entries:
            left = entry.size
            if not left:
                continue
            with entry.path.open("rb") as stream:
                while left:
                    chunk = stream.read(min(left, _CHUNK)) or bytes(min(left, _CHUNK))
                    left -= len(chunk)
                    yield chunk


def _entries(folder: Path) -> Iterator[_Entry]:
    """The entries of a folder: files, folders and links, since a guest's file system in memory has nothing else."""
    folders = [(folder, -1)]
    number = 0
    while folders:
        path, parent = folders.pop()
        found = path.lstat()
        yield _Entry(path, parent, found.st_mode, found.st_mtime_ns // 1_000_000, 0, None)
        own, number = number, number + 1
        for each in sorted(os.scandir(path), key=lambda entry: entry.name):
            found = each.stat(follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                folders.append((Path(each.path), own))
            elif stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
                link = str(Path(each.path).readlink()) if stat.S_ISLNK(found.st_mode) else None
                size = 0 if link is not None else found.st_size
                yield _Entry(Path(each.path), own, found.st_mode, found.st_mtime_ns // 1_000_000, size, link)
                number += 1
