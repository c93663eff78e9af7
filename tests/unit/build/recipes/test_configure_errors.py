"""A configure that refuses is reported in its own words."""

from __future__ import annotations

import pytest

from harness.build.recipes.configure_errors import configure_refusal, without_command


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("checking for gcc... no\nmake: *** [all] Error 1", ""),
        (
            "+ cd /view && ../configure --with-x\nconfigure: error: WASI dynamic linking is not implemented yet.",
            ": WASI dynamic linking is not implemented yet.",
        ),
        (
            "configure: error: unrecognized options: --with-x",
            ": unrecognized options: --with-x (a cell's own arguments are its `configure` in matrices/*.toml)",
        ),
        (
            "configure: error: unrecognized option: `-x'",
            ": unrecognized option: `-x' (a cell's own arguments are its `configure` in matrices/*.toml)",
        ),
    ],
)
def test_configure_s_own_words_are_found(words: str, message: str) -> None:
    assert configure_refusal(words) == message


def test_the_command_is_not_repeated() -> None:
    assert without_command("+ cd /view && ../configure\nchecking\n+ 1 more") == "checking\n+ 1 more"
