"""The cache of everything that can be made again.

It is in the user's cache folder, or where `WASM_HARNESS_CACHE` says. An entry is made in a temporary folder, under a
lock, and moved into place when it is finished: it is there completely, or not at all.
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

from harness.project import CACHE_VARIABLE
from harness.util.files import disk_errors_as_unavailable, remove_tree
from harness.util.locks import locked
from harness.util.paths import expanded


def cache_root() -> Path:
    """The path of the cache folder, which may not exist yet."""
    moved = os.environ.get(CACHE_VARIABLE)
    return expanded(Path(moved)) if moved else Path(platformdirs.user_cache_dir("cpython-wasm-harness"))


def make_entry(final: Path, make: Callable[[Path], None]) -> Path:
    """The path `final`, which `make(folder)` makes in a temporary folder unless it exists. Two runs may call it at
    once.
    """
    if final.exists():
        return final
    with disk_errors_as_unavailable(final), locked(final.with_name(final.name + ".lock")):
        if final.exists():
            return final
        # What runs that were killed have left of this entry, whose lock is held.
        for left in final.parent.glob(f".{glob.escape(final.name)}.????????"):  # what mkdtemp adds
            if left.is_dir():
                remove_tree(left)
        aside = Path(tempfile.mkdtemp(dir=final.parent, prefix=f".{final.name}."))
        try:
            aside.chmod(0o755)
            make(aside)
            aside.rename(final)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    return final
