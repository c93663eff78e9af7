"""The tests of a CPython that is installed, without its source: what `make install` has made, or a Linux distribution's
packages.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from harness.errors import ConfigError
from harness.sources.base import LANDMARKS, Provenance, Source, make_tree, read_patchlevel, read_version
from harness.util.hashing import content_key, file_sha256

INSTALLED = "installed"
_PATCHLEVEL = Path(LANDMARKS[0])


def find_tests(root: Path) -> tuple[Path, Path] | None:
    """The folder `test` below the prefix `root`, and the patchlevel.h that states its version; None for a source tree,
    and where there is no such folder. Of several Pythons it is the newest that has both. ConfigError when none has:
    when nothing states the version, or not all tests are there.
    """
    if (root / LANDMARKS[0]).is_file():
        return None
    folders = sorted(
        root.glob("lib/python3.*/test"), key=lambda tests: list(map(int, re.findall(r"\d+", tests.parent.name)))
    )
    found = [(tests, root / "include" / tests.parent.name / "patchlevel.h") for tests in folders]
    whole = [each for each in found if _lacks(*each) is None]
    if found and not whole and (problem := _lacks(*found[-1])):
        raise problem
    return whole[-1] if whole else None


def _lacks(tests: Path, patchlevel: Path) -> ConfigError | None:
    """What is missing next to a folder `test`; None where nothing is."""
    if not (tests / "libregrtest").is_dir():
        return ConfigError(
            f"{tests} has only a part of the tests: there is no libregrtest",
            hint=f"Debian has them in lib{tests.parent.name}-testsuite",
        )
    if not patchlevel.is_file():
        return ConfigError(
            f"{tests}: nothing states the version of the tests: there is no {patchlevel}",
            hint=f"Debian has it in lib{tests.parent.name}-dev",
        )
    return None


def obtain(root: Path, tests: Path, patchlevel: Path, cache: Path) -> Source:
    """A copy of the tests of the prefix `root` and of the file that states their version, where a source has them."""
    paths = sorted(path for path in tests.rglob("*") if path.is_file() and path.suffix != ".pyc")
    contents = [(str(path.relative_to(tests)), file_sha256(path)) for path in paths]
    key = content_key([contents, file_sha256(patchlevel)])
    provenance = Provenance(provider=INSTALLED, origin=str(root), revision=key)

    def fill(tree: Path) -> Provenance:
        (tree / _PATCHLEVEL).parent.mkdir()
        shutil.copy2(patchlevel, tree / _PATCHLEVEL)
        shutil.copytree(tests, tree / "Lib" / "test", symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        return provenance

    return make_tree(cache / "sources" / f"{read_patchlevel(patchlevel)}-tests-{key}", fill, read_version)
