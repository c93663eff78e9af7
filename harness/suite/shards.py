"""Cuts a suite into shards that take about the same time, the same way wherever it is done. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.errors import ConfigError
from harness.suite.durations import guessed_seconds
from harness.util.hashing import content_key


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The `number`-th of `count` shards, counted from 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def parse_shard(text: str) -> Shard:
    """`2/8` as people write it. ConfigError for anything else."""
    found = re.fullmatch(r"([1-9][0-9]*)/([1-9][0-9]*)", text)
    if not found or int(found[1]) > int(found[2]):
        raise ConfigError(
            f"{text!r} is not a shard", hint="write K/N with 1 <= K <= N: the second of eight shards is 2/8"
        )
    return Shard(number=int(found[1]), count=int(found[2]))


def cut(
    modules: Iterable[str], seconds: Mapping[str, float], sizes: Mapping[str, int], count: int
) -> tuple[tuple[str, ...], ...]:
    """The modules of each of `count` shards, longest first: each module goes to the shard that has least to do yet.

    `seconds` are recorded durations, `sizes` bytes of source for modules without one. The same arguments give the same
    shards, in whatever order they come.
    """
    guess = guessed_seconds(sorted(modules), seconds, sizes)
    shards: list[list[str]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for module in sorted(guess, key=lambda module: (-guess[module], module)):
        least = loads.index(min(loads))
        shards[least].append(module)
        loads[least] += guess[module]
    return tuple(map(tuple, shards))


def plan_key(shards: Iterable[Iterable[str]]) -> str:
    """A short name for one way of cutting: shards fit together only when they were cut in the same way."""
    return content_key([list(shard) for shard in shards])
