"""Where everything lives that can be made again, and how it is made safely.

`WASM_HARNESS_CACHE` moves the cache; without it the user's own cache folder is taken. An entry is made aside,
under a lock, and moved into place when it is finished: it is there whole, or not at all.
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
    """The cache folder, which need not exist yet."""
    moved = os.environ.get(CACHE_VARIABLE)
    return expanded(Path(moved)) if moved else Path(platformdirs.user_cache_dir("cpython-wasm-harness"))


def make_entry(final: Path, make: Callable[[Path], None]) -> Path:
    """`final`, made by `make(folder)` in a folder aside unless it is there. Two runs may want it at once."""
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
