"""What programs say of their versions, releases and others."""

from __future__ import annotations

import pytest

from harness.manifest import Manifest
from harness.matrix.conditions import condition_values, parse_version
from harness.util.versions import is_number, number, shown_version
from tests.unit.sample_cells import emscripten


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("3.1.73", "3.1.73"),
        ("3.1.73-git", "3.1.73"),
        ("6.0.11-git", "6.0.11"),
        ("25.5g0fd1d10e1c5f+m", "25.5"),
        ("26.0.0-nightly20261101", "26.0.0"),
        ("21.0.0git", "21.0.0"),
        ("git", ""),
        ("", ""),
    ],
)
def test_the_number_is_what_a_version_begins_with(text: str, found: str) -> None:
    assert is_number(text) == (text == found != "")
    assert number(text) == found


@pytest.mark.parametrize(
    ("toolchain", "shown"),
    [
        ({"version": "3.1.73", "emscripten": "3.1.73-git"}, "3.1.73-git"),
        ({"version": "3.1.73", "emscripten": "3.1.73"}, "3.1.73"),
        ({"version": "25", "wasi_sdk": "25.0"}, "25"),
        ({"version": "33", "wasi_sdk": "33.0+m"}, "33"),
        ({"version": "25", "wasi_sdk": "25.5g0fd1d10e1c5f+m"}, "25.5g0fd1d10e1c5f"),
        ({"version": "25"}, "25"),
        ({}, ""),
        ({"version": "25", "sysroot": "/me/libc"}, "25 with the sysroot /me/libc"),
        ({"version": "25", "wasi_sdk": "25.5g0f", "sysroot": "/me/libc"}, "25.5g0f with the sysroot /me/libc"),
    ],
)
def test_what_is_not_a_release_is_shown_with_all_that_it_says(toolchain: dict[str, str], shown: str) -> None:
    assert shown_version(Manifest.from_json({"toolchain": toolchain}).toolchain) == shown


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("3.1.73-git", "3.1.73"),
        ("26.0.0-nightly20261101", "26.0.0"),
        ("3.14.0a2+", "3.14.0a2"),
        ("3.14.0-rc1", "3.14.0rc1"),
    ],
)
def test_a_range_takes_what_is_not_a_release_by_its_number(text: str, release: str) -> None:
    assert str(parse_version(text)) == release


@pytest.mark.parametrize("text", ["/home/a/cpython", "git:https://example.org@main", "build-1-a", ""])
def test_what_is_not_a_version_parses_to_none(text: str) -> None:
    assert parse_version(text) is None


def test_a_cell_of_a_checkout_has_its_emscripten_among_its_facts() -> None:
    assert condition_values(emscripten("6.0.11-git"))["emscripten"] == "6.0.11-git"
