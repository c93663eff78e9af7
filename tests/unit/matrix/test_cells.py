"""A cell as results have it."""

from __future__ import annotations

import dataclasses
import json

import pytest

from harness.matrix.cells import Cell, Library, with_python
from tests.unit.sample_cells import EMSCRIPTEN, WASI

LINKED = dataclasses.replace(EMSCRIPTEN, libraries=(Library.ZLIB,), requires=(Library.ZLIB,), configure=("--x",))


@pytest.mark.parametrize("cell", [WASI, LINKED, with_python(WASI, "/src/cpython"), with_python(WASI, "git:/a@main")])
def test_a_cell_is_read_as_it_was_written(cell: Cell) -> None:
    assert Cell.from_json(json.loads(json.dumps(cell.to_json()))) == cell


def test_the_keys_of_results_stay_while_fields_are_renamed() -> None:
    data = LINKED.to_json()
    assert (data["python"], data["dependencies"]) == ("3.13.5", ["zlib"])
    assert "libraries" not in data


def test_older_results_lack_what_came_later_and_those_of_a_later_version_are_refused() -> None:
    older = {key: value for key, value in WASI.to_json().items() if key not in {"requires", "broken"}}
    assert Cell.from_json(older) == WASI
    with pytest.raises(KeyError, match="colour"):
        Cell.from_json(WASI.to_json() | {"colour": "red"})
