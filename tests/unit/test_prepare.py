"""What a user may choose in the place of what the cell says."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.prepare import _with_toolchain
from tests.unit.sample_cells import EMSCRIPTEN


@pytest.mark.parametrize("wish", ["4.0.12", "33"])
def test_a_toolchain_may_be_another_version_and_the_cell_keeps_its_id(wish: str) -> None:
    cell, path = _with_toolchain(EMSCRIPTEN, wish)
    assert (cell.toolchain, cell.id, path) == (wish, EMSCRIPTEN.id, None)


@pytest.mark.parametrize("wish", ["./33", "sdk", "/opt/wasi-sdk-25.0"])
def test_a_toolchain_may_be_a_folder(wish: str) -> None:
    assert _with_toolchain(EMSCRIPTEN, wish) == (EMSCRIPTEN, Path(wish))


def test_without_a_wish_the_toolchain_is_the_cell_s() -> None:
    assert _with_toolchain(EMSCRIPTEN, "") == (EMSCRIPTEN, None)
