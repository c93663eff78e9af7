"""Cuts a suite into shards that take about the same time. Every machine gets the same shards. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from harness.errors import ConfigError
from harness.suite.durations import guessed_seconds
from harness.suite.parts import cut_modules, work_seconds
from harness.util.hashing import content_key

# Parts are short enough to keep this many workers of a shard busy. A shard may have more workers, but all shards have
# to be cut alike. For four workers, eight shards of a suite under Node had 26 parts instead of 13, and 8 % more work.
WORKERS = 2


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The `number`-th of `count` shards, counted from 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def parse_shard(text: str) -> Shard:
    """The shard of a text such as `2/8`. ConfigError for any other form."""
    found = re.fullmatch(r"([1-9][0-9]*)/([1-9][0-9]*)", text)
    if not found or int(found[1]) > int(found[2]):
        raise ConfigError(
            f"{text!r} is not a shard", hint="write K/N with 1 <= K <= N: the second of eight shards is 2/8"
        )
    return Shard(number=int(found[1]), count=int(found[2]))


def longest_first(modules: Iterable[str], seconds: Mapping[str, float], sizes: Mapping[str, int]) -> tuple[str, ...]:
    """The modules, the longest first. `seconds` are recorded durations, `sizes` bytes of source for modules without
    one.
    """
    guess = guessed_seconds(modules, seconds, sizes)
    return tuple(sorted(guess, key=lambda module: (-guess[module], module)))


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A suite cut into shards. `parts` has for each module that is cut the ids of each part but the first. `shards` has
    the names of the modules and parts in each shard, the longest first.
    """

    parts: Mapping[str, tuple[tuple[str, ...], ...]]
    shards: tuple[tuple[str, ...], ...]

    @property
    def key(self) -> str:
        """The short hash of this way of cutting. Shards can be merged only if they were cut in the same way."""
        parts = sorted((module, others) for module, others in self.parts.items())
        return content_key([parts, self.shards])


def cut_suite(
    seconds: Mapping[str, float], cases: Mapping[str, Mapping[str, float]], whole: Collection[str], count: int
) -> Cut:
    """The suite in `count` shards: each module, or part of a long one, goes to the shard that has least to do yet.

    `seconds` is how long each module takes, `cases` how long each case of a long one takes, `whole` are the modules
    that are never cut. The same arguments give the same shards, in whatever order they come.

    test_tarfile with 40 s of a suite of 160 s, in two shards: four workers have 40 s each, and no part takes more
    than 20 s. So test_tarfile is in two parts, one in each shard.
    """
    ordered = {module: seconds[module] for module in sorted(seconds)}
    parts = cut_modules(ordered, cases, count * WORKERS, whole) if count > 1 else {}
    shards: list[list[str]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for name, took in work_seconds(ordered, cases, parts).items():
        least = loads.index(min(loads))
        shards[least].append(name)
        loads[least] += took
    return Cut(parts=parts, shards=tuple(map(tuple, shards)))
