"""Which Node has JSPI, and which option it needs."""

from __future__ import annotations

import dataclasses

import pytest

from harness.errors import ConfigError
from harness.matrix.axes import JSPI, LIKELIEST_FIRST, engines_with, targets_with
from harness.matrix.cells import Cell
from harness.matrix.conditions import condition_values, read_condition
from harness.matrix.jspi import has_jspi, node_options
from harness.targets import Engine, Target
from tests.unit.sample_cells import EMSCRIPTEN, WASI

OPTION = ("--experimental-wasm-jspi",)


def under(runtime: str, *, jspi: bool = False) -> Cell:
    return dataclasses.replace(EMSCRIPTEN, engine=Engine.NODE, runtime=runtime, jspi=jspi)


@pytest.mark.parametrize(
    ("runtime", "by_itself", "with_option", "options"),
    [
        ("24.19.0", False, True, OPTION),
        ("24.20.0", True, True, ()),
        ("24.21.0", True, True, ()),
        ("26.12.1", True, True, ()),
        ("26.0.0-nightly20261101", True, True, ()),
    ],
)
def test_a_node_of_24_needs_the_option_until_it_has_jspi_by_itself(
    runtime: str, by_itself: bool, with_option: bool, options: tuple[str, ...]
) -> None:
    assert has_jspi(under(runtime)) is by_itself
    assert has_jspi(under(runtime, jspi=True)) is with_option
    assert node_options(under(runtime, jspi=True)) == options
    assert node_options(under(runtime)) == ()


@pytest.mark.parametrize("runtime", ["20.18.0", "22.23.3", "system", "latest"])
def test_an_older_node_has_none_and_is_refused_for_a_cell_with_it(runtime: str) -> None:
    assert not has_jspi(under(runtime, jspi=True))
    with pytest.raises(ConfigError, match=rf"a cell with JSPI, and Node {runtime} has none"):
        node_options(under(runtime, jspi=True))


def test_conditions_have_the_axis_for_cells_under_node_alone() -> None:
    condition, mistakes = read_condition({"jspi": True})
    assert not mistakes
    assert condition.holds(condition_values(under("24.19.0", jspi=True)))
    assert not condition.holds(condition_values(under("24.19.0")))
    assert condition.holds(condition_values(under("24.19.0"), runtime="26.10.0"))
    without, _ = read_condition({"jspi": False})
    assert without.holds(condition_values(under("24.19.0")))
    chromium = dataclasses.replace(EMSCRIPTEN, engine=Engine.CHROMIUM, runtime="153.0.0")
    for cell in (WASI, chromium):
        assert JSPI not in condition_values(cell)
        assert not without.holds(condition_values(cell))
    for value in (True, False):
        assert targets_with(JSPI, value) == {Target.EMSCRIPTEN}
        assert engines_with(JSPI, value) == {Engine.NODE}


def test_a_difference_between_versions_of_node_is_the_version_s() -> None:
    assert LIKELIEST_FIRST.index("node") < LIKELIEST_FIRST.index(JSPI)


def test_the_cell_shares_the_build_of_the_one_without() -> None:
    cell = dataclasses.replace(under("24.19.0", jspi=True), id="emscripten-3.1.69-jspi")
    assert cell.build_id == "emscripten-3.1.69"
    assert dataclasses.replace(cell, id="emscripten-3.1.69-jspi-node26").build_id == "emscripten-3.1.69"
    assert "jspi" not in cell.build_flags
