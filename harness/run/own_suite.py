"""The tests of the interpreter's own version, by which those of another version in its suite are known."""

from __future__ import annotations

import dataclasses

from harness.errors import ConfigError
from harness.manifest import Manifest
from harness.matrix.conditions import parse_version
from harness.matrix.pins import Pins
from harness.run.prepared import OwnSuite, Prepared
from harness.sources import Source, cached_source, obtain_suite


def with_own_suite(prepared: Prepared, pins: Pins, named: str = "") -> Prepared:
    """The cell with the tests of the interpreter's own version, if its suite is that of another one: those that `named`
    names, a version or a folder, or else those that the interpreter or the cache has.

    ConfigError for a folder that is neither a source tree nor a prefix with tests, for a version that says nothing, and
    where there is nothing to compare.
    """
    manifest = prepared.build.manifest
    if named:
        if not manifest.other_suite:
            raise ConfigError(
                f"the suite of {prepared.cell.id} is that of its interpreter, CPython {manifest.python}: no other "
                "version is compared with it",
                hint="leave --own-suite out; it goes with --suite",
            )
        source = obtain_suite(named, pins, prepared.cache)
        _check_says_something(source.version, manifest)
        return _with(prepared, source)
    if prepared.own_suite or not manifest.other_suite:
        return prepared
    kept = cached_source(manifest.python, pins, prepared.cache)
    return _with(prepared, kept) if kept else prepared


def _with(prepared: Prepared, source: Source) -> Prepared:
    own_suite = OwnSuite(version=source.version, folder=source.root / "Lib" / "test")
    return dataclasses.replace(prepared, own_suite=own_suite)


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
