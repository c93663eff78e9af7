"""The tests of the interpreter's own version, by which those of another version in its suite are known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from harness.errors import ConfigError
from harness.manifest import Manifest
from harness.matrix.conditions import parse_version
from harness.matrix.pins import Pins
from harness.matrix.python_source import PythonSource
from harness.run.prepared import OwnSuite, Prepared
from harness.sources import cached_source, obtain_source
from harness.sources.base import read_patchlevel
from harness.util.paths import expanded


def with_own_suite(prepared: Prepared, pins: Pins, named: str = "") -> Prepared:
    """The cell with the tests of the interpreter's own version, if its suite is that of another one: those that `named`
    names, a version or a folder, or else those that the interpreter or the cache has.

    ConfigError for a folder without tests, for a version that says nothing, and where there is nothing to compare.
    """
    manifest = prepared.build.manifest
    if named:
        if not manifest.other_suite:
            raise ConfigError(
                f"the suite of {prepared.cell.id} is that of its interpreter, CPython {manifest.python}: no other "
                "version is compared with it",
                hint="leave --own-suite out; it goes with --suite",
            )
        own = _of_folder(expanded(Path(named))) if Path(named).is_dir() else _of_source(named, pins, prepared.cache)
        _check_says_something(own.version, manifest)
        return dataclasses.replace(prepared, own_suite=own)
    if prepared.own_suite or not manifest.other_suite:
        return prepared
    source = cached_source(manifest.python, pins, prepared.cache)
    own_suite = OwnSuite(version=source.version, folder=source.root / "Lib" / "test") if source else None
    return dataclasses.replace(prepared, own_suite=own_suite)


def _of_source(named: str, pins: Pins, cache: Path) -> OwnSuite:
    source = obtain_source(PythonSource.parse(named), pins, cache)
    return OwnSuite(version=source.version, folder=source.root / "Lib" / "test")


def _of_folder(root: Path) -> OwnSuite:
    """The tests in a source tree, or in what `make install` has made."""
    installed = sorted(root.glob("lib/python3.*/test"))
    places = [
        (root / "Include", root / "Lib" / "test"),
        *((root / "include" / each.parent.name, each) for each in installed),
    ]
    for include, tests in places:
        if tests.is_dir() and (include / "patchlevel.h").is_file():
            return OwnSuite(version=read_patchlevel(include / "patchlevel.h"), folder=tests)
    raise ConfigError(
        f"{root} has no tests of a CPython whose version it states",
        hint="name a source tree, with Lib/test and Include/patchlevel.h, or what `make install` has made, with "
        "lib/python3.X/test and include/python3.X/patchlevel.h",
    )


def _check_says_something(version: str, manifest: Manifest) -> None:
    """ConfigError unless the interpreter's version is that one, or lies between it and the suite's: a test that both
    have alike is then that of the interpreter's version too.
    """
    python, suite = manifest.python, manifest.suite
    low, own, high = map(parse_version, (version, python, suite))
    if low and own and high and min(low, high) <= own <= max(low, high):
        return
    raise ConfigError(
        f"the tests of CPython {version} do not say which of {suite} are others in {python}",
        hint=f"name those of {python}, or of a version on its other side",
    )
