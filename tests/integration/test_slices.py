"""A dozen modules of the suite in cells whose whole suite would take too long here: each of them is as expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import EXIT_OK
from harness.results.cell_results import load_results
from tests.integration.test_own_tests import harness

pytestmark = pytest.mark.toolchain

SLICE = (
    *("test_bool", "test_calendar", "test_collections", "test_csv", "test_float", "test_fractions"),
    *("test_grammar", "test_math", "test_patma", "test_posix", "test_re", "test_str"),
)


@pytest.mark.parametrize(
    ("fixture", "cell", "options"),
    [
        ("chromium", "emscripten-3.1.69-chromium", ()),
        ("pyodide", "pyodide-0.29.5", ("--suite", "3.13.5")),
        ("pyodide_in_chromium", "pyodide-0.29.5-chromium", ("--suite", "3.13.5")),
    ],
    ids=["chromium", "pyodide", "pyodide-chromium"],
)
def test_a_slice_of_the_suite_is_as_expected(
    request: pytest.FixtureRequest, tmp_path: Path, fixture: str, cell: str, options: tuple[str, ...]
) -> None:
    request.getfixturevalue(fixture)  # skips where an archive no longer has a part of the cell
    done = harness("test", cell, *SLICE, *options, "--run-dir", tmp_path)
    assert done.returncode == EXIT_OK, done.stdout
    results = load_results(tmp_path / cell / "results.json")
    assert {module.module for module in results.modules} == set(SLICE)
    assert not results.comparison.unexpected
