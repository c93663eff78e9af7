"""What others leave out, as their own files say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.curation.imports.formats import ForeignEntry, read_pyodide, read_regrtest
from harness.errors import ConfigError

PYODIDE = """
# A comment.
- test_a
- test_pkg.test_b:
    skip:
      - "*slow*"
      - test_deep # stack overflow
- test_c:
    xfail: no dbm
- test_d:
    xfail-chrome: slow
    skip: [test_one]
"""


def test_pyodide_s_list_leaves_out_cases_and_modules(tmp_path: Path) -> None:
    file = tmp_path / "python_tests.yaml"
    file.write_text(PYODIDE)
    found = read_pyodide(file, "node")
    assert found.modules == {"test.test_a", "test.test_pkg.test_b", "test.test_c", "test.test_d"}
    assert found.entries == (
        ForeignEntry(module="test.test_pkg.test_b", pattern="*slow*"),
        ForeignEntry(module="test.test_pkg.test_b", pattern="test_deep"),
        ForeignEntry(module="test.test_c", why="no dbm"),
        ForeignEntry(module="test.test_d", pattern="test_one"),
    )
    assert ForeignEntry(module="test.test_d", why="slow") in read_pyodide(file, "chrome").entries


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a: [", "is not YAML"),
        ("a: 1", "is no list of modules"),
        ("test_a", "is no list of modules"),
        ("- 3", "is no list of modules"),
        ("- a: 3", "is no list of modules"),
        ("- 3: {}", "is no list of modules"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "python_tests.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=says):
        read_pyodide(file, "node")
    with pytest.raises(ConfigError, match="cannot read"):
        read_pyodide(tmp_path / "nothing.yaml", "node")


def test_an_empty_item_names_no_module(tmp_path: Path) -> None:
    file = tmp_path / "python_tests.yaml"
    file.write_text("- {}\n- test_a:\n")
    assert read_pyodide(file, "node").modules == {"test.test_a"}


def test_regrtest_s_file_is_a_pattern_a_line(tmp_path: Path) -> None:
    file = tmp_path / "ignored"
    file.write_text("test.test_a.T.test_x\n\n  *slow*\n")
    found = read_regrtest(file)
    assert found.entries == (ForeignEntry(pattern="test.test_a.T.test_x"), ForeignEntry(pattern="*slow*"))
    assert not found.modules


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("", True),
        ("test_x", True),
        ("T", True),
        ("*_x", True),
        ("test.test_a.T.test_x", True),
        ("test_", False),
        ("T.test_x", False),
        ("test_X", False),
    ],
)
def test_a_pattern_matches_an_id_or_one_of_its_parts(pattern: str, *, matches: bool) -> None:
    assert ForeignEntry(pattern=pattern).matches("test.test_a.T.test_x") is matches
