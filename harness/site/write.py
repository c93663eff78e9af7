"""The site written: all its files aside, and then in the place of the site before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError
from harness.site.closable import closable
from harness.site.data import all_data
from harness.site.index import Index
from harness.site.model import Site
from harness.site.pages import Pages
from harness.site.search import search_index
from harness.util.files import disk_errors_as_unavailable, remove_tree
from harness.util.paths import shown

MARK = "api/site.json"
"""The file by which a folder is known to hold a site: such a one is replaced."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a site consists of: files, their bytes, the bytes of its largest page."""

    files: int
    bytes: int
    largest_page: int


def check_folder(folder: Path) -> None:
    """ConfigError when the folder holds something else than a site, or cannot be replaced by another one."""
    if folder.is_mount() or folder == Path.cwd():
        what = "the place of a disk" if folder.is_mount() else "the current folder"
        raise ConfigError(f"{folder} is {what}, and cannot be replaced", hint="name a folder in it with --into DIR")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise ConfigError(
            f"{shown(folder)} holds something else than a site, and would be replaced",
            hint="name a folder that is empty or not there with --into DIR",
        )
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{shown(folder)} is no folder", hint="name a folder with --into DIR")


def write_site(site: Site, folder: Path) -> Written:
    """Writes every file of the site; the one before in the folder is replaced once all are written. ConfigError for a
    folder with other contents, UnavailableError when the disk refuses.
    """
    # Behind a link it is what is served that is replaced, and not the link.
    folder = folder.resolve()
    with disk_errors_as_unavailable(folder):
        check_folder(folder)
    aside, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    files = size = largest = 0
    with disk_errors_as_unavailable(folder):
        try:
            remove_tree(aside)
            made: set[Path] = set()
            for path, text in _files(site):
                file, data = aside / path, text.encode()
                if file.parent not in made:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    made.add(file.parent)
                file.write_bytes(data)
                files, size = files + 1, size + len(data)
                largest = max(largest, len(data) if file.suffix == ".html" else 0)
            remove_tree(old)
            if folder.exists():
                folder.rename(old)
            try:
                aside.rename(folder)
            except BaseException:
                if old.exists():
                    old.rename(folder)
                raise
        finally:
            remove_tree(aside)
            remove_tree(old)
    return Written(files=files, bytes=size, largest_page=largest)


def _files(site: Site) -> Iterator[tuple[str, str]]:
    index = Index(site)
    closed = closable(site, index.causes)
    pages = Pages(index, closed)
    yield from pages.assets()
    yield from pages.all()
    yield "search-index.js", search_index(index)
    # GitHub Pages otherwise leaves out what begins with an underscore.
    yield ".nojekyll", ""
    for path, data in all_data(index, closed):
        yield path, json.dumps(data, separators=(",", ":")) + "\n"
