"""Where pins come from: what the official origins and Debian's suites are asked, each once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.curation.pins.text import NewTable
from harness.curation.pins.wanted import Wanted
from harness.errors import OriginError
from harness.matrix.pins import Pins
from harness.util import apt

# Oldest first: a package of a stable suite stays there for years.
SUITES = ("bookworm", "trixie", "forky", "sid")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The pin of a version as tables of the file, the commit of emsdk that it needs, if it is not the pinned one, and
    what could not be checked.
    """

    wanted: Wanted
    tables: tuple[NewTable, ...]
    emsdk_commit: str = ""
    unchecked: tuple[str, ...] = ()


# What is left to do for a version that some origin has: the downloads.
Fetch = Callable[[], Finding]


@dataclass(frozen=True, kw_only=True)
class Available:
    """The versions of a product that the origins name, and why an origin was not asked."""

    versions: frozenset[str]
    unasked: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Debian:
    """The lists of Debian's suites, read when they are first asked for."""

    cache: Path
    suites: Sequence[str] = SUITES

    @functools.cached_property
    def _lists(self) -> dict[str, apt.Apt | str]:
        return {}

    def of(self, suite: str) -> apt.Apt | str:
        """apt for that suite, or why it cannot be asked."""
        if suite not in self._lists:
            try:
                self._lists[suite] = apt.open_lists(suite, self.cache)
            except OriginError as error:
                self._lists[suite] = f"Debian's {suite}: {error.message.splitlines()[0]}"
        return self._lists[suite]

    def __iter__(self) -> Iterator[apt.Apt]:
        """The apt of each suite that can be asked."""
        return (lists for suite in self.suites if not isinstance(lists := self.of(suite), str))

    @property
    def faults(self) -> tuple[str, ...]:
        """The reasons why suites cannot be asked."""
        return tuple(lists for suite in self.suites if isinstance(lists := self.of(suite), str))


@dataclass(frozen=True, kw_only=True)
class Origins:
    """The pins that there are, the cache, Debian's suites, and the addresses of the official origins."""

    pins: Pins
    cache: Path
    debian: Debian
    python: str = "https://www.python.org/ftp/python"
    wasi_sdk: str = "https://github.com/WebAssembly/wasi-sdk"
