"""Pyodide's own list, changed only where it should be."""

from __future__ import annotations

import difflib
from argparse import Namespace
from pathlib import Path

import pytest

from harness.curation.export.command import export_lists
from harness.curation.export.pyodide_file import Addition, changed_list, lacking
from harness.curation.imports.formats import ForeignEntry, load_pyodide, read_pyodide
from harness.errors import ConfigError

LIST = """\
# What the list is about.

- test_a
- test_b: # a remark
    skip:
      # the stack
      - test_deep # RangeError
      - "*slow*"
- test_c:
    xfail: no dbm
    skip:
      - test_one
- test_d:
    skip: [test_x, test_y]
- test_pkg.test_e:
    xfail-safari: unexpectedly exited
    skip:
      - test_old
# Between two.
- test_f
"""


def changed(tmp_path: Path, taken_out: tuple[ForeignEntry, ...] = (), added: tuple[Addition, ...] = ()) -> list[str]:
    """The lines that differ, with - or + before them."""
    file = tmp_path / "python_tests.yaml"
    file.write_text(LIST)
    text = changed_list(*load_pyodide(file), taken_out, added)
    file.write_text(text)
    # What comes out is a list again, without what was taken out.
    assert not set(read_pyodide(file, "node").entries) & set(taken_out)
    return [line for line in difflib.ndiff(LIST.splitlines(), text.splitlines()) if line.startswith(("- ", "+ "))]


def entry(module: str, pattern: str = "", why: str = "") -> ForeignEntry:
    return ForeignEntry(module=f"test.{module}", pattern=pattern, why=why)


def test_without_a_change_it_is_the_same_file(tmp_path: Path) -> None:
    assert changed(tmp_path) == []


def test_a_pattern_that_goes_takes_its_line_and_the_last_one_the_key(tmp_path: Path) -> None:
    assert changed(tmp_path, (entry("test_b", "*slow*"),)) == ['-       - "*slow*"']
    assert changed(tmp_path, (entry("test_b", "*slow*"), entry("test_b", "test_deep"))) == [
        "- - test_b: # a remark",
        "+ - test_b # a remark",
        "-     skip:",
        "-       # the stack",
        "-       - test_deep # RangeError",
        '-       - "*slow*"',
    ]
    assert changed(tmp_path, (entry("test_pkg.test_e", "test_old"),)) == ["-     skip:", "-       - test_old"]


def test_a_module_that_need_not_be_left_out_keeps_its_patterns(tmp_path: Path) -> None:
    assert changed(tmp_path, (entry("test_c", why="no dbm"),)) == ["-     xfail: no dbm"]


def test_patterns_that_share_a_line_stay(tmp_path: Path) -> None:
    file = tmp_path / "l.yaml"
    file.write_text(LIST)
    assert changed_list(*load_pyodide(file), (entry("test_d", "test_x"),), ()) == LIST


def test_what_is_added_is_put_next_to_what_is_there(tmp_path: Path) -> None:
    added = (
        Addition(module="test_a", pattern="test.test_a.T.test_x", why="It fails (cause)"),
        Addition(module="test_a", pattern="test.test_a.T.test_[[]y]", why="It fails (cause)"),
        Addition(module="test_b", pattern="test_new", why="It crashes (other)"),
        Addition(module="test_f", why="It cannot be imported"),
    )
    assert changed(tmp_path, (), added) == [
        "- - test_a",
        "+ - test_a:",
        "+     skip:",
        "+       # It fails (cause)",
        "+       - test.test_a.T.test_x",
        '+       - "test.test_a.T.test_[[]y]"',
        "+       # It crashes (other)",
        "+       - test_new",
        "- - test_f",
        "+ - test_f:",
        '+     xfail: "It cannot be imported"',
    ]
    found = read_pyodide(tmp_path / "python_tests.yaml", "node").entries
    assert entry("test_a", "test.test_a.T.test_[[]y]") in found
    assert entry("test_f", why="It cannot be imported") in found


def test_only_what_the_list_does_not_leave_out_is_lacking() -> None:
    known = (entry("test_b", "test_deep"), entry("test_c", why="no dbm"))
    expected = dict.fromkeys(
        ("test.test_b.T.test_deep", "test.test_b.T.test_x", "test.test_c.T.test_y", "test.test_c", "test.test_z"), ""
    )
    assert lacking(expected, known, ("test_b", "test_c")) == {"test.test_b.T.test_x": "test_b"}


def test_what_can_go_is_said_of_a_list_only() -> None:
    options = Namespace(kind="pyodide", cell="pyodide-0.29.5", lists="", reports="", file=None, results=Path("run"))
    with pytest.raises(ConfigError, match="--results says what can go from a list"):
        export_lists(options)


def test_the_lists_for_pyodide_are_merged_into_its_own(tmp_path: Path) -> None:
    file = tmp_path / "python_tests.yaml"
    file.write_text("- test_dbm:\n    xfail: dbm\n- test_decimal # all of it\n")
    options = Namespace(kind="pyodide", cell="pyodide-0.29.5", lists="", reports="", file=file, results=None)
    text, notes = export_lists(options)
    assert text == (
        "- test_dbm:\n    xfail: dbm\n- test_decimal: # all of it\n"
        '    xfail: "The test imports _pydecimal (pyodide-limited-modules)"\n'
    )
    assert notes == ["1 added, 0 taken out, which pass, skip or do not exist in that run"]


@pytest.mark.parametrize(
    ("text", "taken_out", "becomes"),
    [
        (
            "- test_x: {xfail: broken}\n- test_y\n",
            entry("test_x", why="broken"),
            "- test_x: {xfail: broken}\n- test_y\n",
        ),
        ("- test_x:\n    xfail: one\n      two\n- test_y\n", entry("test_x", why="one two"), "- test_x\n- test_y\n"),
        (
            "- test_x:\n    xfail-node: no\n    skip:\n      - a\n",
            entry("test_x", why="no"),
            "- test_x:\n    skip:\n      - a\n",
        ),
        ("- test_x:\n    xfail-firefox: no\n", entry("test_x", why="no"), "- test_x:\n    xfail-firefox: no\n"),
    ],
)
def test_a_module_is_let_in_again_where_lines_can_say_so(
    tmp_path: Path, text: str, taken_out: ForeignEntry, becomes: str
) -> None:
    file = tmp_path / "list.yaml"
    file.write_text(text)
    assert changed_list(*load_pyodide(file), (taken_out,), (), "node") == becomes


def test_a_last_line_without_an_end_gets_one_before_more_is_written(tmp_path: Path) -> None:
    file = tmp_path / "list.yaml"
    file.write_text("- test_z")
    added = (Addition(module="test_z", pattern="test_a", why="stack"),)
    assert changed_list(*load_pyodide(file), (), added) == "- test_z:\n    skip:\n      # stack\n      - test_a\n"
