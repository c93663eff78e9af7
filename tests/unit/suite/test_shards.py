"""Shards: the same everywhere, nothing twice, nothing left out, and about as long as each other."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.suite.shards import Shard, cut, parse_shard, plan_key

NAMES = st.text("abcdefgh_", min_size=1, max_size=4)
SECONDS = st.dictionaries(NAMES, st.floats(0, 100), max_size=30)


def test_a_shard_is_written_as_its_number_of_how_many() -> None:
    assert parse_shard("2/8") == Shard(number=2, count=8)
    assert str(parse_shard("8/8")) == "8/8"


@pytest.mark.parametrize("text", ["", "2", "0/8", "9/8", "2/0", "a/b", "2/8/1", "-1/8", "2 / 8"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a shard") as caught:
        parse_shard(text)
    assert "2/8" in caught.value.hint


def whole(modules: list[str], seconds: dict[str, float], sizes: dict[str, int]) -> tuple[str, ...]:
    (shard,) = cut(modules, seconds, sizes, 1)
    return shard


def test_the_longest_recorded_module_comes_first() -> None:
    assert whole(["a", "b", "c"], {"a": 1.0, "b": 3.0, "c": 2.0}, {}) == ("b", "c", "a")


def test_a_module_without_a_record_is_guessed_from_its_size_at_the_rate_of_the_others() -> None:
    seconds, sizes = {"a": 10.0, "c": 1.0}, {"a": 1000, "b": 500, "c": 100}
    assert whole(["a", "b", "c"], seconds, sizes) == ("a", "b", "c")


def test_without_any_record_the_size_decides_and_then_the_name() -> None:
    assert whole(["b", "a", "c"], {}, {"c": 9}) == ("c", "a", "b")


@given(st.sets(NAMES), SECONDS, st.integers(1, 9))
def test_every_module_is_in_one_shard(modules: set[str], seconds: dict[str, float], count: int) -> None:
    shards = cut(modules, seconds, {}, count)
    assert len(shards) == count
    assert sorted(module for shard in shards for module in shard) == sorted(modules)


@given(st.sets(NAMES), SECONDS, st.integers(1, 9), st.randoms())
def test_the_order_of_what_is_known_does_not_matter(
    modules: set[str], seconds: dict[str, float], count: int, chance: random.Random
) -> None:
    listed, recorded = list(modules), list(seconds.items())
    chance.shuffle(listed)
    chance.shuffle(recorded)
    assert cut(listed, dict(recorded), {}, count) == cut(modules, seconds, {}, count)


@given(st.lists(st.floats(0.1, 30), min_size=1, max_size=80), st.integers(1, 8))
def test_no_shard_is_longer_than_the_mean_and_one_module(durations: list[float], count: int) -> None:
    seconds = {f"test_{index}": value for index, value in enumerate(durations)}
    loads = [sum(seconds[module] for module in shard) for shard in cut(seconds, seconds, {}, count)]
    assert max(loads) <= sum(loads) / count + max(durations) + 1e-6


def test_another_cut_has_another_key() -> None:
    seconds = {"a": 3.0, "b": 2.0, "c": 1.0}
    assert plan_key(cut(seconds, seconds, {}, 2)) == plan_key(cut(seconds, dict(reversed(seconds.items())), {}, 2))
    assert plan_key(cut(seconds, seconds, {}, 2)) != plan_key(cut(seconds, seconds, {}, 3))
    assert plan_key(cut(seconds, seconds, {}, 2)) != plan_key(cut(seconds, {"a": 1.0, "b": 2.0, "c": 3.0}, {}, 2))
