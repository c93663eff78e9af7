"""The options that pytest and the command line share."""

from __future__ import annotations

import argparse

import pytest

from harness.run.options import BUILD_OPTIONS, TESTING, as_arguments


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
        ("--case=test.test_os.T.test_a", "--case=setUpClass (test.test_os.T)"),
    ],
)
def test_options_can_be_said_again(arguments: tuple[str, ...]) -> None:
    assert sorted(as_arguments(parsed(*arguments))) == sorted(arguments)


def test_a_build_is_told_only_what_concerns_it() -> None:
    assert as_arguments(parsed("--cpython=3.13.5", "--resume"), BUILD_OPTIONS) == ["--cpython=3.13.5"]
