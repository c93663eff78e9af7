"""The source of a library: the official tarball, or else Debian's of the same release."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from harness.build.environment import clean_build_env
from harness.errors import UnavailableError
from harness.matrix.cells import Library
from harness.matrix.pins import LibraryPin
from harness.sources import SOURCE_PROVIDERS, Source
from harness.sources.base import Provenance, cached, make_tree
from harness.util.files import remove_tree
from harness.util.process import Command, run
from harness.util.providers import first_available

logger = logging.getLogger(__name__)

_TCLSH = ("tclsh8.7", "tclsh8.6", "tclsh8.5", "tclsh")
_AMALGAMATION = ("sqlite3.c", "sqlite3.h", "sqlite3ext.h")


def source_entries(pin: LibraryPin, cache: Path) -> dict[str, Path]:
    """The place in the cache of each provider's source. Providers with the same bytes share one."""
    hashes = {"tarball": pin.sha256, "apt": pin.sha256_of_apt}
    return {name: cache / "sources" / f"{pin.name}-{pin.version}-{hashes[name][:16]}" for name in SOURCE_PROVIDERS}


def obtain_library_source(pin: LibraryPin, cache: Path) -> Source:
    """The source from the cache, or from the official origin, or from apt. UnavailableError with the reason of each."""
    entries = source_entries(pin, cache)
    in_order = sorted(entries, key=lambda name: cached(entries[name]) is None)
    attempts = {name: _attempt(name, entries[name], pin, cache) for name in in_order}
    hint = "the harness goes on without it, unless the cell requires it"
    source = first_available(pin.title, attempts, hint=hint)
    logger.info("%s is from %s: %s", pin.title, source.provider, source.origin)
    return source


def _attempt(name: str, entry: Path, pin: LibraryPin, cache: Path) -> Callable[[], Source]:
    def fill(tree: Path) -> Provenance:
        provenance = SOURCE_PROVIDERS[name].fill(pin, tree, cache)
        if pin.name is Library.SQLITE and not (tree / "sqlite3.c").exists():
            _amalgamate(tree)
        return provenance

    return lambda: make_tree(entry, fill, lambda _: pin.version)


def _amalgamate(tree: Path) -> None:
    """Replaces SQLite's full source by the three files of its release, which it makes from that source."""
    if not any(map(shutil.which, _TCLSH)):
        raise UnavailableError(
            "apt: Debian's source of SQLite is not the amalgamation, and making that needs tclsh, which is not here",
            hint="install tcl; the official origin needs none",
        )
    logger.info("sqlite: making the amalgamation")
    env = clean_build_env(os.environ)
    for argv in (("./configure", "--disable-tcl"), ("make", "sqlite3.c")):
        done = run(Command(argv=argv, cwd=tree, env=env, timeout=900))
        if not done.ok:
            raise UnavailableError(
                f"apt: the amalgamation of SQLite cannot be made: {argv[0]} {done.ending}\n{done.tail()}",
                hint="it takes a C compiler, make and tclsh; the official origin needs none",
            )
    aside = tree / "amalgamation"
    aside.mkdir()
    for name in _AMALGAMATION:
        shutil.copyfile(tree / (name if (tree / name).exists() else f"src/{name}"), aside / name)
    for entry in tree.iterdir():
        if entry.is_dir() and entry != aside:
            remove_tree(entry)
        elif entry != aside:
            entry.unlink()
    for name in _AMALGAMATION:
        (aside / name).rename(tree / name)
    aside.rmdir()
