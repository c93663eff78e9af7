"""A checkout the user has. It is never written to: the cache gets a copy, named by what the files hold."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import ConfigError, UnavailableError
from harness.sources.base import Provenance, Source, cached, check_landmarks, make_source, read_version
from harness.util.git import git_output
from harness.util.hashing import content_key, file_sha256
from harness.util.paths import expanded

logger = logging.getLogger(__name__)

# What building inside the tree leaves behind, where no git can tell.
_PRODUCT_FOLDERS = frozenset({".git", "__pycache__"})
_PRODUCT_FOLDERS_AT_TOP = _PRODUCT_FOLDERS | {"build", "cross-build", "builddir"}
_PRODUCTS = re.compile(
    r".*\.(o|a|so|dylib|pyc|wasm|gcda|gcno)|(python|_bootstrap_python|Programs/_freeze_module)(\.exe)?"
    r"|Makefile(\.pre)?|config\.(log|status|cache)|pyconfig\.h|pybuilddir\.txt|platform"
    r"|Modules/(config\.c|ld_so_aix|Setup\.(bootstrap|local|stdlib))|Python/frozen_modules/.*\.h"
)


def checked_root(path: Path) -> Path:
    """The folder of the checkout. ConfigError when it is not CPython's source."""
    root = expanded(path)
    if not root.is_dir():
        raise ConfigError(
            f"{path} is neither a version nor a folder",
            hint="give a version such as 3.13.5, a path, or git:URL@REF",
        )
    check_landmarks(root, str(root))
    return root


def find(path: Path, cache: Path) -> Source | None:
    """The copy of the checkout as it is now, if the cache has it. ConfigError as by `obtain`."""
    root = checked_root(path)
    with _reading(root):
        return cached(_entry(root, _key(root, tuple(_files(root))), cache))


def _entry(root: Path, key: str, cache: Path) -> Path:
    return cache / "sources" / f"{read_version(root)}-{key}"


def obtain(path: Path, cache: Path) -> Source:
    """A copy of the checkout as it is now. ConfigError when it is not CPython's source."""
    root = checked_root(path)
    files = tuple(_files(root))
    with _reading(root):
        key = _key(root, files)
    commit, dirty = key, False
    if (root / ".git").exists():
        commit = git_output(root, "rev-parse", "HEAD").strip()
        if dirty := bool(git_output(root, "status", "--porcelain").strip()):
            logger.info("%s has changes that are in no commit: they are tested too, and the manifest says so", root)
    provenance = Provenance(provider="checkout", origin=str(root), revision=commit, dirty=dirty)

    def fill(tree: Path) -> Provenance:
        for name in files:
            goal = tree / name
            goal.parent.mkdir(parents=True, exist_ok=True)
            with _reading(root):
                shutil.copy2(root / name, goal, follow_symlinks=False)
        if _key(tree, files) != key:
            raise UnavailableError(f"{root} changed while it was copied", hint="try again when it rests")
        return provenance

    source = make_source(_entry(root, key, cache), fill)
    # The same contents may have been copied from another checkout, or under another commit.
    return dataclasses.replace(source, **dataclasses.asdict(provenance))


_UNREADABLE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ESTALE})


@contextlib.contextmanager
def _reading(root: Path) -> Iterator[None]:
    """Somebody works in that folder: a file may go, or be of somebody else, while it is read."""
    try:
        yield
    except OSError as error:
        # A copy that finds no space names what it read, too.
        if error.errno not in _UNREADABLE or not Path(error.filename or "").is_relative_to(root):
            raise
        raise UnavailableError(
            f"{error.filename} cannot be read: {error.strerror}", hint="try again when the checkout rests"
        ) from error


def _key(root: Path, files: Iterable[str]) -> str:
    """Stands for the files: their names, contents and kinds."""
    found = []
    for name in files:
        path = root / name
        if path.is_symlink():
            found.append((name, "link", os.readlink(path)))  # noqa: PTH115
        else:
            kind = "program" if os.access(path, os.X_OK) else "file"
            found.append((name, kind, file_sha256(path)))
    return content_key(found)


def _files(root: Path) -> Iterable[str]:
    if (root / ".git").exists():
        names = git_output(root, "ls-files", "-co", "--exclude-standard", "-z").split("\0")
        return sorted({name for name in names if name and _is_copied(root / name)})
    return sorted(name for name in _walk(root) if not _PRODUCTS.fullmatch(name))


def _is_copied(path: Path) -> bool:
    """False for a file that git knows but the user has deleted, and for a submodule."""
    return path.is_symlink() or path.is_file()


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        products = _PRODUCT_FOLDERS_AT_TOP if Path(folder) == root else _PRODUCT_FOLDERS
        folders[:] = [name for name in folders if name not in products]
        for name in names:
            if _is_copied(path := Path(folder) / name):
                yield path.relative_to(root).as_posix()
