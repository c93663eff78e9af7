"""The changes that the mutation tool makes, and the figures that it prints."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.changes import changes
from tests.mutants.state import Measured, Results
from tests.mutants.table import Accepted, table


def changed(source: str) -> list[str]:
    """What each change makes of the source."""
    found = []
    for index in range(len(changes(ast.parse(source), source))):
        tree = ast.parse(source)
        changes(tree, source)[index].apply()
        found.append(ast.unparse(tree))
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = b == c", ["a = b != c"]),
        ("a = b and c", ["a = b or c", "a = c", "a = b"]),
        ("a = not b", ["a = b"]),
        ("a = b + c", ["a = b - c"]),
        ("a = any(b)", ["a = all(b)"]),
        ("a = {b, c}", ["a = {c}", "a = {b}"]),
        ("a = [7, True, 'key', 'a message', 1.5]", ["a = [8, True, 'key', 'a message', 1.5]"]),
        ("a = [b for b in c if b]", ["a = [b for b in c if False]", "a = [b for b in c if True]"]),
        ("a(b)", ["pass"]),
        ("a.b = c", ["pass"]),
        ("a = b", []),
        ("while a:\n    b = c", ["while False:\n    b = c"]),
        ("'''What it is.'''", []),
        ("a = f'{b}, one {c + 1}'", ["a = f'{b}, one {c - 1}'", "a = f'{b}, one {c + 2}'"]),
    ],
)
def test_each_change_is_of_one_statement(source: str, expected: list[str]) -> None:
    found = changed(source)
    assert found[: len(expected)] == expected
    assert bool(found) is bool(expected)


def test_types_decorators_and_defaults_are_not_taken_for_statements_of_the_function() -> None:
    source = "@cache(size=1)\ndef f(a: int | str, b: int = 2) -> int | None:\n    return a\n"
    found = changes(ast.parse(source), source)
    assert [(change.old, change.new, list(change.lines)) for change in found] == [
        ("2", "3", []),
        ("return a", "return None", [3]),
    ]


def test_a_change_keeps_its_name_when_it_moves_to_another_line() -> None:
    source = "def f(a):\n    return a == 1 or a == 1\n"
    names = [change.id for change in changes(ast.parse(source), source)]
    assert len(set(names)) == len(names)
    moved = "\n\n" + source
    assert [change.id for change in changes(ast.parse(moved), moved)] == names


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "a.py").write_text("def f(a):\n    return a == 1\n")
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "tests" / "unit" / f"test_{name}.py").write_text("")
    return tmp_path


def test_the_tests_of_the_module_come_first_and_only_so_many_seconds_of_them(project: Path) -> None:
    a, b, file = "tests/unit/test_a.py", "tests/unit/test_b.py", "harness/a.py"
    tests = {f"{a}::slow": [2], f"{a}::quick": [2], f"{a}::elsewhere": [9], f"{b}::test": [2]}
    seconds = {f"{a}::slow": 2.0, f"{a}::quick": 1.0, f"{a}::elsewhere": 0.1, f"{b}::test": 0.5}
    measured = Measured()
    assert measured.stale(project, [file]) == [a, b]
    measured.add(project, [a, b], {"seconds": seconds, "lines": {file: tests}})
    assert measured.stale(project, [file]) == []
    assert list(measured.tests(file, range(2, 3), 10)) == [f"{a}::quick", f"{a}::slow", f"{b}::test"]
    assert list(measured.tests(file, range(2, 3), 1.5)) == [f"{a}::quick", f"{b}::test"]
    assert f"{a}::elsewhere" in measured.tests(file, range(0), 10)
    (project / b).write_text("# changed")
    assert measured.stale(project, [file]) == [b]
    (project / file).write_text("")
    assert measured.stale(project, []) == [b]
    assert measured.stale(project, [file]) == [a, b]


def test_the_table_counts_what_is_not_equivalent_and_says_why_the_rest_survives(project: Path) -> None:
    source = (project / "harness" / "a.py").read_text()
    found = changes(ast.parse(source), source)
    names = [change.id for change in found]
    assert len(names) == 3
    results = Results()
    endings = ("killed", "survived", "survived")
    for change, ending in zip(found, endings, strict=True):
        results.add("harness/a.py", change, ending)
    known = Accepted(file="harness/a.py", change=names[1], kind="equivalent", why="it is the same")
    text = table(project, ["harness/a.py"], results, [known])
    assert "| all | 3 | 3 | 1 | 1 | 1 | 50.0 |" in text
    assert f"`{names[2]}`\n" in text
    assert f"`{names[1]}`: it is the same" in text
    assert "any more" not in text
    (project / "harness" / "a.py").write_text("# moved\n" + source)
    assert "| all | 3 | 3 | 1 | 0 | 2 | 33.3 |" in table(project, ["harness/a.py"], results, [])
    gone = Accepted(file="harness/a.py", change="f | return b", kind="accepted", why="")
    assert "any more:\n\n- `harness/a.py`: `f | return b`" in table(project, ["harness/a.py"], results, [gone])
    (project / "harness" / "a.py").write_text(source.replace("(a)", "(a, b)"))
    assert "| all | 3 | 0 | 0 | 0 | 0 | - |" in table(project, ["harness/a.py"], results, [])
