"""The options that pytest and the command line share."""

from __future__ import annotations

import argparse

import pytest

from harness.errors import ConfigError
from harness.run.options import BUILD_OPTIONS, TESTING, as_arguments, check_numbers, one_or_more, with_seed


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for option in TESTING:
        option.add(parser.add_argument)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--resume",),
        ("--isolated", "--run-dir=/tmp/a b"),
        ("--cpython=3.13.5", "--provider=apt", "--toolchain=/sdk", "--runtime=path:/usr/bin/node", "--jobs=3"),
        ("--use=all,-gui", "--use=cpu", "--randomize", "--randseed=0"),
        ("--case=test.test_os.T.test_a", "--case=setUpClass (test.test_os.T)"),
    ],
)
def test_options_can_be_said_again(arguments: tuple[str, ...]) -> None:
    assert sorted(as_arguments(parsed(*arguments))) == sorted(arguments)


def test_a_build_gets_only_the_options_that_concern_it() -> None:
    assert as_arguments(parsed("--cpython=3.13.5", "--resume"), BUILD_OPTIONS) == ["--cpython=3.13.5"]


def test_the_resources_have_regrtest_s_short_name_too() -> None:
    parser = argparse.ArgumentParser()
    for option in TESTING:
        option.add(parser.add_argument, short=True)
    assert parser.parse_args(["-u", "all,-gui", "-u", "cpu"]).use == ["all,-gui", "cpu"]


def test_a_random_order_without_a_seed_gets_one_that_the_commands_then_name() -> None:
    drawn = with_seed(parsed("--randomize"))
    assert as_arguments(drawn) == ["--randomize", f"--randseed={int(drawn.randseed)}"]
    assert {with_seed(parsed("--randomize")).randseed for _ in range(8)} != {drawn.randseed}
    assert with_seed(parsed("--randomize", "--randseed=7")).randseed == "7"
    assert with_seed(parsed()).randseed == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--randseed=x",), "--randseed x: must be a number"),
        (("--randseed=" + "1" * 5000,), "must be a number of 18 digits"),
        (("--randseed=-1",), "--randseed -1: must be a number"),
        (("--randomize", "--shard=1/2"), "each shard would have another one"),
        (("--reruns=-1",), "--reruns -1: must be 0 or more"),
    ],
)
def test_a_number_out_of_range_is_refused(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_numbers(parsed(*arguments))


def test_shards_with_one_seed_may_be_in_random_order() -> None:
    check_numbers(parsed("--randomize", "--shard=1/2", "--randseed=3"))
    # What it was begun with has the seed.
    check_numbers(parsed("--randomize", "--shard=1/2", "--resume"))


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", ""])
def test_a_number_of_workers_or_runs_is_1_or_more(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a number of 1 or more"):
        one_or_more(text)
    assert one_or_more("12") == 12
