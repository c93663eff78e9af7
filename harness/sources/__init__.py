"""CPython's source, from the provider that has it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from harness.errors import ConfigError, did_you_mean
from harness.matrix.pins import CPythonPin, Pins, TarballPin
from harness.matrix.python_source import PythonSource
from harness.sources import checkout, debian, git, installed, tarball
from harness.sources.base import Provenance, Source, cached, make_source
from harness.util.paths import expanded
from harness.util.providers import first_available
from harness.util.versions import is_version

logger = logging.getLogger(__name__)

__all__ = ["SOURCE_PROVIDERS", "Source", "cached_source", "obtain_source", "obtain_suite"]


class SourceProvider(Protocol):
    """A module that can get a pinned version."""

    def fill(self, pin: TarballPin, tree: Path, cache: Path, /) -> Provenance:
        """Fills the folder `tree`, or raises UnavailableError."""


SOURCE_PROVIDERS: Mapping[str, SourceProvider] = {"tarball": tarball, "apt": debian}


def obtain_source(python: PythonSource, pins: Pins, cache: Path, *, provider: str = "") -> Source:
    """The source that `python` names.

    A version that the cache has costs no network. Otherwise the official tarball is tried, then apt, or only
    `provider`. UnavailableError says why each of them could not; ConfigError for a folder that is no source of CPython.
    """
    if provider and provider not in SOURCE_PROVIDERS:
        raise ConfigError(f"there is no source provider {provider!r}; {did_you_mean(provider, SOURCE_PROVIDERS)}")
    if python.url:
        return git.obtain(python.url, python.ref, cache)
    if not python.version:
        return checkout.obtain(Path(python.checkout), cache)
    pin = pins.cpython_pin(python.version)
    attempts = {name: _attempt(name, pin, cache) for name in ([provider] if provider else SOURCE_PROVIDERS)}
    hint = "a checkout of your own always works: --cpython PATH"
    source = first_available(f"CPython {python}", attempts, hint=hint)
    logger.info("CPython %s is from %s: %s", source.version, source.provider, source.origin)
    return source


def obtain_suite(named: str, pins: Pins, cache: Path) -> Source:
    """The CPython whose tests the user has named: as by `obtain_source`, or an installed one, whose tests alone there
    are.
    """
    root = expanded(Path(named))
    if not is_version(named) and root.is_dir() and (found := installed.find_tests(root)):
        return installed.obtain(root, *found, cache)
    return obtain_source(PythonSource.parse(named), pins, cache)


def cached_source(version: str, pins: Pins, cache: Path) -> Source | None:
    """The source of that version if the cache has it. It costs no network."""
    pin = next((pin for pin in pins.cpython if pin.version == version), None)
    return cached(_entry(pin, cache)) if pin else None


def _entry(pin: CPythonPin, cache: Path) -> Path:
    # The same entry for every provider: they all give the same bytes.
    return cache / "sources" / f"{pin.version}-{pin.sha256[:16]}"


def _attempt(name: str, pin: CPythonPin, cache: Path) -> Callable[[], Source]:
    def fill(tree: Path) -> Provenance:
        return SOURCE_PROVIDERS[name].fill(pin, tree, cache)

    return lambda: make_source(_entry(pin, cache), fill)
