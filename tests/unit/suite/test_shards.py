"""Shards: the same everywhere, nothing twice, nothing left out, and about as long as each other."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.suite.parts import part_names, work_seconds
from harness.suite.shards import Shard, cut_suite, longest_first, parse_shard

NAMES = st.text("abcdefgh_", min_size=1, max_size=4)
Suite = tuple[dict[str, float], dict[str, dict[str, float]]]


@st.composite
def suites(draw: st.DrawFn) -> Suite:
    """The seconds of some modules, and of the cases of some of them."""
    seconds = draw(st.dictionaries(NAMES, st.floats(0, 100), max_size=30))
    cases = {}
    for module in seconds:
        if draw(st.booleans()):
            number = draw(st.integers(1, 6))
            cases[module] = {f"test.{module}.T{case}.test": seconds[module] / number for case in range(number)}
    return seconds, cases


SUITES = suites()


def test_a_shard_is_written_as_its_number_of_how_many() -> None:
    assert parse_shard("2/8") == Shard(number=2, count=8)
    assert str(parse_shard("8/8")) == "8/8"


@pytest.mark.parametrize("text", ["", "2", "0/8", "9/8", "2/0", "a/b", "2/8/1", "-1/8", "2 / 8"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a shard") as caught:
        parse_shard(text)
    assert "2/8" in caught.value.hint


def test_the_longest_recorded_module_comes_first() -> None:
    assert longest_first(["a", "b", "c"], {"a": 1.0, "b": 3.0, "c": 2.0}, {}) == ("b", "c", "a")


def test_a_module_without_a_record_is_guessed_from_its_size_at_the_rate_of_the_others() -> None:
    seconds, sizes = {"a": 10.0, "c": 1.0}, {"a": 1000, "b": 500, "c": 100}
    assert longest_first(["a", "b", "c"], seconds, sizes) == ("a", "b", "c")


def test_without_any_record_the_size_decides_and_then_the_name() -> None:
    assert longest_first(["b", "a", "c"], {}, {"c": 9}) == ("c", "a", "b")


@given(SUITES, st.integers(1, 9))
def test_every_module_is_in_one_shard_or_each_part_of_it(suite: Suite, count: int) -> None:
    seconds, cases = suite
    found = cut_suite(seconds, cases, {"a"}, count)
    assert len(found.shards) == count
    parts = {module: part_names(module, others) for module, others in found.parts.items()}
    names = [name for module in seconds for name in parts.get(module, (module,))]
    assert sorted(name for shard in found.shards for name in shard) == sorted(names)
    assert "a" not in found.parts
    assert found.parts.keys() <= cases.keys()


@given(SUITES, st.integers(1, 9), st.randoms())
def test_the_order_of_what_is_known_does_not_matter(suite: Suite, count: int, chance: random.Random) -> None:
    seconds, cases = suite
    recorded, of_cases = list(seconds.items()), list(cases.items())
    chance.shuffle(recorded)
    chance.shuffle(of_cases)
    found, again = cut_suite(seconds, cases, (), count), cut_suite(dict(recorded), dict(of_cases), (), count)
    assert (found, found.key) == (again, again.key)


@given(st.lists(st.floats(0.1, 30), min_size=1, max_size=80), st.integers(1, 8))
def test_no_shard_is_longer_than_the_mean_and_one_module(durations: list[float], count: int) -> None:
    seconds = {f"test_{index}": value for index, value in enumerate(durations)}
    loads = [sum(seconds[module] for module in shard) for shard in cut_suite(seconds, {}, (), count).shards]
    assert max(loads) <= sum(loads) / count + max(durations) + 1e-6


def test_a_module_of_many_shards_length_does_not_make_one_of_them_longer() -> None:
    seconds = {"test_tarfile": 40.0, **{f"test_{number}": 1.0 for number in range(120)}}
    cases = {"test_tarfile": {f"T{number}.test": 1.0 for number in range(40)}}
    found = cut_suite(seconds, cases, (), 2)
    assert [sum(name.startswith("test_tarfile[") for name in shard) for shard in found.shards] == [1, 1]
    work = work_seconds(seconds, cases, found.parts)
    assert [sum(work[name] for name in shard) for shard in found.shards] == [80.0, 80.0]
    assert cut_suite(seconds, cases, (), 1).parts == {}


def test_another_cut_has_another_key() -> None:
    seconds = {"a": 3.0, "b": 2.0, "c": 1.0}
    key = cut_suite(seconds, {}, (), 2).key
    assert key == cut_suite(dict(reversed(seconds.items())), {}, (), 2).key
    assert key != cut_suite(seconds, {}, (), 3).key
    assert key != cut_suite({"a": 1.0, "b": 2.0, "c": 3.0}, {}, (), 2).key
    # The parts have the same names, and not the same cases.
    one, two = {"A.x": 9.0, "B.y": 9.0}, {"A.x": 9.0, "B.z": 9.0}
    assert cut_suite({"a": 18.0}, {"a": one}, (), 2).shards == cut_suite({"a": 18.0}, {"a": two}, (), 2).shards
    assert cut_suite({"a": 18.0}, {"a": one}, (), 2).key != cut_suite({"a": 18.0}, {"a": two}, (), 2).key
